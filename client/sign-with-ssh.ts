/** Signing with a person's SSH key: by ssh-keygen, with the agent or a key file, without any server. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { typedWord } from '../pipeline/typed-word.js';
import type { Decision } from '../workflows/messages.js';
import type { SignedStatement, SshStatement } from '../workflows/signed-statements.js';
import { badInput, refused } from './user-error.js';

export interface Signed {
  statement: SshStatement;
  /** Of the statement; the decision's id as well. */
  nonce: string;
  /** As it was signed: with any other it does not count. */
  reason: string | null;
  /** What it will count as: a worker verifies only what its policy asks to be signed. */
  proof: 'ssh' | 'unverified';
}

/** What goes with a decision that is signed, whichever way it is sent. */
export function sentWith(
  signed: (Pick<Signed, 'reason' | 'nonce'> & { statement: SignedStatement }) | null,
): Partial<Decision> {
  if (signed === null) return {};
  const { reason, nonce, statement } = signed;
  return { reason, decisionId: nonce, statement };
}

/** `--key`, else `SLIPWAY_SIGNING_KEY`, else the usual one. Throws UserError: exit 2 for one that is not there, 5 when nobody has named one and there is none. */
export function findSigningKey(asked: string | null, env: NodeJS.ProcessEnv): string {
  const named = asked ?? env['SLIPWAY_SIGNING_KEY'] ?? null;
  const home = env['HOME'] ?? homedir();
  const usual = ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => path.join(home, '.ssh', name));
  const found = named === null ? usual.find((file) => existsSync(file)) : named;
  // a certificate beside the key says more than the key, also where that is in the agent and its public half is named
  const certificate = `${found?.replace(/\.pub$/, '') ?? ''}-cert.pub`;
  if (found !== undefined && existsSync(certificate)) return certificate;
  if (found !== undefined && existsSync(found)) return found;
  const explanation = {
    what: named === null ? 'there is no SSH key to sign with' : 'there is no such key',
    where: named ?? path.join(home, '.ssh'),
    wayOut:
      'name one with SLIPWAY_SIGNING_KEY, or --key of a command that has it; also the .pub of a key that your agent has',
    docs: 'docs/approvals.md#signing',
  };
  // a mistake in what was typed, or somebody who cannot say this: the policy wants it signed
  throw named === null ? refused(explanation) : badInput(explanation);
}

/** `keyFile` = a private key, or the public half of one that the agent has. Throws UserError (exit 2) when it cannot. */
export async function signText(
  payload: string,
  { namespace, keyFile }: { namespace: string; keyFile: string },
): Promise<SshStatement> {
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>(
    (resolve) => {
      const argv = ['-Y', 'sign', '-n', namespace, '-f', keyFile];
      const child = execFile('ssh-keygen', argv, { encoding: 'utf8' }, (error, out, err) => {
        const failed = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
        resolve({ code: failed, stdout: out, stderr: err === '' ? (error?.message ?? '') : err });
      });
      child.stdin?.on('error', () => {});
      child.stdin?.end(payload);
    },
  );
  if (code === 0 && stdout.startsWith('-----BEGIN SSH SIGNATURE-----'))
    return { scheme: 'ssh', payload, signature: stdout };
  throw badInput({
    what: 'ssh-keygen could not sign',
    where: keyFile,
    why: stderr.trim() === '' ? null : stderr.trim(),
    wayOut: /UNPROTECTED PRIVATE KEY FILE|bad permissions/.test(stderr)
      ? `let nobody else read it: chmod 600 ${typedWord(keyFile)}`
      : 'unlock the key with ssh-add, or name another with --key',
    docs: 'docs/approvals.md#signing',
  });
}
