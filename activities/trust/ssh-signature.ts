/** Who signed a text with an SSH key, as OpenSSH's own tool says. No shell; the text goes in on stdin. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { plainEnvironment } from '../processes/run-process.js';

const TIMEOUT_MS = 10_000;

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

export type SignatureAnswer = { isGood: true; fingerprint: string } | { isGood: false; why: string };

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
    // OpenSSH does not say which of the two it was
    if (revokedKeys !== null && (await sshKeygen(verify, text)).exitCode === 0)
      return { isGood: false, why: 'its key is revoked' };
    const found = await sshKeygen(['-Y', 'find-principals', '-s', file, '-f', allowedSigners], '');
    const owner = found.exitCode === 0 ? found.stdout.trim().split('\n').join(', ') : '';
    return { isGood: false, why: explain(verified.stderr, by, owner) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function explain(stderr: string, by: string, owner: string): string {
  if (owner !== '' && !owner.split(', ').includes(by)) return `its key is ${owner}'s, not ${by}'s`;
  if (/expired|not yet valid|outside/i.test(stderr)) return 'its key was not valid at this time';
  if (owner === '') return 'its key is not among the allowed signers';
  return 'it was made for something else';
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
