/** A token that says who approves, made for one approval: by a command of the person's, or by the CI that runs this. */
import { execFile } from 'node:child_process';
import { z } from 'zod';
import type { TokenBinding } from '../pipeline/token-binding.js';
import { badInput, refused, type UserError } from './user-error.js';

const TIMEOUT_MS = 10_000;
const LONGEST_TOKEN = 10_000;
const DOCS = 'docs/approvals.md#tokens';
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export interface TokenSource {
  /** Prints the token; finds what it must be made for in its environment. null = `SLIPWAY_TOKEN_COMMAND`, else the CI's. */
  command: string | null;
  env: NodeJS.ProcessEnv;
}

/** Throws UserError: exit 2 for what gives none, 5 when there is nobody to ask. */
export async function askToken(made: TokenBinding, { command, env }: TokenSource): Promise<string> {
  const named = command ?? env['SLIPWAY_TOKEN_COMMAND'] ?? '';
  if (named !== '') return await askCommand(named, made, env);
  const [url, secret] = [env['ACTIONS_ID_TOKEN_REQUEST_URL'], env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
  if (url !== undefined && secret !== undefined) return await askGithubActions(url, secret, made);
  throw refused({
    what: 'there is nobody here to ask for a token',
    where: '--oidc',
    wayOut:
      'give the job permissions: {id-token: write} in GitHub Actions; elsewhere name a command that prints one: --token-command',
    docs: DOCS,
  });
}

async function askCommand(
  command: string,
  { audience, nonce }: TokenBinding,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const made = { SLIPWAY_AUDIENCE: audience, SLIPWAY_NONCE: nonce };
  const stdout = await new Promise<string>((resolve, reject) => {
    const child = execFile('/bin/sh', ['-c', command], { env: { ...env, ...made } }, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(unusable(command, 'did not succeed', lastOf(err) ?? error.message));
    });
    // somebody may have to log in first, and reads there where
    child.stderr?.pipe(process.stderr, { end: false });
    child.stdin?.end();
  });
  const token = stdout.trim();
  if (JWT.test(token) && token.length <= LONGEST_TOKEN) return token;
  throw unusable(command, 'printed something else than a token', null);
}

const answer = z.looseObject({ value: z.string().regex(JWT) });

async function askGithubActions(url: string, secret: string, { audience }: TokenBinding): Promise<string> {
  try {
    const response = await fetch(`${url}&audience=${encodeURIComponent(audience)}`, {
      headers: { authorization: `bearer ${secret}`, accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`it answered ${String(response.status)}`);
    return answer.parse(await response.json()).value;
  } catch (error) {
    throw refused({
      what: 'GitHub Actions gave no token',
      where: new URL(url).origin,
      why: error instanceof z.ZodError ? 'its answer has no token' : String(error),
      wayOut: 'approve again; the job needs permissions: {id-token: write}',
      docs: DOCS,
    });
  }
}

function unusable(command: string, what: string, why: string | null): UserError {
  return badInput({
    what: `the command ${what}`,
    where: command,
    why,
    wayOut:
      'let it print a JWT made for $SLIPWAY_AUDIENCE, or with the nonce $SLIPWAY_NONCE, and nothing else',
    docs: DOCS,
  });
}

function lastOf(text: string): string | null {
  return text.trim().split('\n').at(-1) || null;
}
