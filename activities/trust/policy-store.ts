/** The worker's `policy.yaml`, read again whenever it has changed: what its owner writes holds from then on. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainFileErrors, findWriters, loadPolicy, type Policy } from '../../pipeline/index.js';
import { refused } from '../failure.js';

export interface LoadedPolicy {
  content: Policy;
  /** OpenSSH files that say who signs and whose keys are revoked; null = the policy names none. */
  allowedSigners: string | null;
  revokedKeys: string | null;
  /** sha256 of the file. */
  hash: string;
}

export interface PolicyStore {
  /** null = this worker has no policy. Throws Refused for one that is broken or that others may write. */
  read(): Promise<LoadedPolicy | null>;
  /** `up --demo`: production needs no policy. */
  isDemo: boolean;
}

const LARGEST_POLICY_BYTES = 1024 * 1024;

/** `file` null = there is none. */
export function createPolicyStore(file: string | null, { isDemo }: { isDemo: boolean }): PolicyStore {
  let known: { stamp: string; policy: LoadedPolicy } | null = null;
  return {
    isDemo,
    read: async () => {
      if (file === null) return null;
      const stamp = await stampOf(file);
      if (known?.stamp !== stamp) known = { stamp, policy: await readPolicy(file) };
      return known.policy;
    },
  };
}

/** Changes with the file; only its owner and root may write it, and the folder it is in. */
async function stampOf(file: string): Promise<string> {
  const own = await lookAt(file, false);
  await lookAt(path.dirname(file), true);
  return `${own.ino} ${own.mtimeMs} ${own.size} ${own.uid} ${own.mode}`;
}

async function lookAt(file: string, isFolder: boolean): Promise<Stats> {
  const found = await stat(file).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw broken(file, `cannot be read (${why})`, 'put it there, or start the worker without SLIPWAY_POLICY');
  });
  const { mode, uid } = found;
  const problem = findWriters({ path: file, mode, uid, isFolder, userId: process.getuid?.() ?? 0 });
  if (problem !== null) throw broken(file, problem.what, problem.wayOut);
  return found;
}

async function readPolicy(file: string): Promise<LoadedPolicy> {
  const bytes = await readFile(file);
  if (bytes.length > LARGEST_POLICY_BYTES)
    throw broken(
      file,
      `has ${bytes.length} bytes, at most ${LARGEST_POLICY_BYTES} can be read`,
      'shorten it',
    );
  const loaded = loadPolicy(bytes, file);
  if (!loaded.ok) {
    const { what, where, why } = explainFileErrors(loaded.errors, file);
    throw refused({ what, where, why, wayOut: `slipway policy check ${file} shows every error` });
  }
  const { content } = loaded.file;
  const beside = (name: string | undefined): string | null =>
    name === undefined ? null : path.resolve(path.dirname(file), name);
  return {
    content,
    allowedSigners: beside(content['allowed-signers']),
    revokedKeys: beside(content['revoked-keys']),
    hash: createHash('sha256').update(bytes).digest('hex'),
  };
}

function broken(where: string, what: string, wayOut: string): Error {
  return refused({ what: `the worker's policy ${what}`, where, why: null, wayOut });
}
