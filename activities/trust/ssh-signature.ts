/** Who signed a text with an SSH key, as OpenSSH's own tool says. No shell; the text goes in on stdin. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findRevokedAmong } from '../../pipeline/index.js';
import { isAmong } from '../../workflows/decisions.js';
import { plainEnvironment } from '../processes/run-process.js';

const TIMEOUT_MS = 10_000;
const OWNER = 'the owner of the worker';
const LINES = 'docs/approvals.md#allowed_signers';

/** Why what somebody signed does not count, and what helps. */
export interface Denied {
  why: string;
  wayOut: string;
}

export interface SignedText {
  text: string;
  /** Armored, as `ssh-keygen -Y sign` writes it. */
  signature: string;
  namespace: string;
  /** The person it is said to be from. */
  by: string;
  allowedSigners: string;
  revokedKeys: string | null;
}

export type SignatureAnswer = { isGood: true; fingerprint: string } | ({ isGood: false } & Denied);

/** Rejects when ssh-keygen cannot be run. */
export async function checkSignature(signed: SignedText): Promise<SignatureAnswer> {
  const { text, signature, namespace, by, allowedSigners, revokedKeys } = signed;
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-signature-'));
  try {
    const file = path.join(folder, 'signature');
    await writeFile(file, signature, { mode: 0o600 });
    const verify = ['-Y', 'verify', '-f', allowedSigners, '-I', by, '-n', namespace, '-s', file];
    const verified = await sshKeygen([...verify, ...(revokedKeys === null ? [] : ['-r', revokedKeys])], text);
    const fingerprint = /key (SHA256:\S+)/.exec(verified.stdout)?.[1] ?? '';
    if (verified.exitCode === 0 && fingerprint !== '') return { isGood: true, fingerprint };
    // OpenSSH does not say which of the two it was, nor whether the list is one at all
    if (revokedKeys !== null && (await sshKeygen(verify, text)).exitCode === 0) {
      const list = await findRevokedAmong([], revokedKeys, { readFile, isRevoked });
      return 'what' in list
        ? { isGood: false, why: list.what, wayOut: list.wayOut }
        : { isGood: false, why: 'its key is revoked', wayOut: 'sign with another key: --key PATH' };
    }
    const found = await sshKeygen(['-Y', 'find-principals', '-s', file, '-f', allowedSigners], '');
    const owner = found.exitCode === 0 ? found.stdout.trim().split('\n').join(', ') : '';
    return { isGood: false, ...explain(verified.stderr, signed, owner) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Does the binary list revoke this public key (null = none)? Rejects when it cannot be read. */
export async function isRevoked(list: string, key: string | null): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-revoked-'));
  try {
    const file = path.join(folder, 'key');
    if (key !== null) await writeFile(file, `${key}\n`);
    const { exitCode, stderr } = await sshKeygen(['-Q', '-f', list, ...(key === null ? [] : [file])], '');
    if (exitCode > 1) throw new Error(stderr);
    return exitCode === 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function explain(stderr: string, { by, namespace }: SignedText, owner: string): Denied {
  if (owner !== '' && !owner.split(', ').includes(by))
    return {
      why: `its key is ${owner}'s, not ${by}'s${isAmong(by, owner.split(', ')) ? ': upper and lower case differ' : ''}`,
      wayOut: `say who you are with SLIPWAY_ACTOR, or sign with a key of ${by}: --key PATH`,
    };
  if (/expired|not yet valid|outside/i.test(stderr))
    return {
      why: 'its key was not valid at this time',
      wayOut: `sign with a key or certificate that is valid now, or ${OWNER} looks at valid-before (${LINES})`,
    };
  if (owner === '')
    return {
      why: 'its key is not among the allowed signers, or it was changed after it was signed',
      wayOut: `sign with another key (--key PATH), or ${OWNER} adds a line for ${by} and this key to allowed_signers (${LINES})`,
    };
  if (/not permitted for use in signature namespace/.test(stderr))
    return {
      why: `its key may not sign ${namespace}`,
      wayOut: `${OWNER} adds ${namespace} to namespaces="…" of the line of ${by} in allowed_signers (${LINES})`,
    };
  return { why: 'it was changed after it was signed, or made for something else', wayOut: 'sign it again' };
}

async function sshKeygen(
  argv: string[],
  stdin: string,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  return await new Promise((resolve, reject) => {
    const options = {
      env: { ...plainEnvironment(), LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
      encoding: 'utf8',
    } as const;
    const child = execFile('ssh-keygen', argv, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin);
  });
}
