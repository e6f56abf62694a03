/** The worker's `policy.yaml`, read again whenever it has changed: what its owner writes holds from then on. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  checkSigners,
  explainFileErrors,
  findWriters,
  loadPolicy,
  type LoadedFile,
  type Policy,
} from '../../pipeline/index.js';
import { refused } from '../failure.js';
import { keyFileAccess } from './key-files.js';
import { isRevoked } from './ssh-signature.js';

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

export interface PolicyFile extends PolicyStore {
  /**
   * What the owner should know of who signs: rules that nobody can fill, members who never can. Throws Refused, as `read`
   * and where a file of signers or revoked keys is missing, unreadable or written by others.
   */
  checkSigners(): Promise<string[]>;
}

const LARGEST_POLICY_BYTES = 1024 * 1024;

/** `file` null = there is none. */
export function createPolicyStore(file: string | null, { isDemo }: { isDemo: boolean }): PolicyFile {
  let known: Known | null = null;
  const look = async (name: string): Promise<Known> => {
    const stamp = await stampOf(name);
    if (known?.stamp !== stamp) known = { stamp, ...(await readPolicy(name)) };
    return known;
  };
  return {
    isDemo,
    read: async () => (file === null ? null : (await look(file)).policy),
    checkSigners: async () => {
      if (file === null) return [];
      const beside = (name: string): string => path.resolve(path.dirname(file), name);
      const { problem, unfillable, warnings } = await checkSigners((await look(file)).loaded, {
        ...keyFileAccess,
        beside,
        isRevoked,
      });
      if (problem !== null) throw refused(problem);
      const inVain = unfillable.map(({ where, what, wayOut }) => `${where}: ${what}; ${wayOut}`);
      return [...inVain, ...warnings];
    },
  };
}

interface Known {
  stamp: string;
  policy: LoadedPolicy;
  loaded: LoadedFile<Policy>;
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
  if (problem !== null) throw broken(file, problem.what, `${problem.wayOut} on the worker`);
  return found;
}

async function readPolicy(file: string): Promise<Omit<Known, 'stamp'>> {
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
    throw refused({
      // it is told on its own to whoever approves: there it must not read as if that were broken
      what: `the worker's policy is broken (${what})`,
      ...{ where, why, wayOut: `slipway policy check ${file} shows every error` },
    });
  }
  const { content } = loaded.file;
  const beside = (name: string | undefined): string | null =>
    name === undefined ? null : path.resolve(path.dirname(file), name);
  const policy = {
    content,
    allowedSigners: beside(content['allowed-signers']),
    revokedKeys: beside(content['revoked-keys']),
    hash: createHash('sha256').update(bytes).digest('hex'),
  };
  return { policy, loaded: loaded.file };
}

function broken(where: string, what: string, wayOut: string): Error {
  return refused({ what: `the worker's policy ${what}`, where, why: null, wayOut });
}
