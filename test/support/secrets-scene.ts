/** A worker's environment with an age identity and the program sops, and a folder for its files. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { failureOf } from './failure-of.js';
import { part } from './parts.js';
import { plantToken } from './planted.js';

/** Never in a failure. */
export const PASSWORD = plantToken('correct-horse-');

export interface SecretsScene {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Of the worker's identity. */
  readonly recipient: string;
  /** By a new worker; `more` goes before its environment. */
  resolve(reference: string, more?: NodeJS.ProcessEnv): Promise<string>;
  remove(): Promise<void>;
}

export async function setSecretsScene(): Promise<SecretsScene> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-secrets-'));
  const identity = path.join(folder, 'identity.txt');
  await promisify(execFile)(`${await part('age')}-keygen`, ['-o', identity]);
  await chmod(identity, 0o600);
  const programs = path.join(folder, 'bin');
  await mkdir(programs);
  await symlink(await part('sops'), path.join(programs, 'sops'));
  const environment = {
    PATH: `${programs}:/usr/bin:/bin`,
    HOME: folder,
    SLIPWAY_AGE_IDENTITY: identity,
    SLIPWAY_SECRETS: folder,
  };
  return {
    folder,
    environment,
    recipient: /age1\w+/.exec(await readFile(identity, 'utf8'))?.[0] ?? '',
    resolve: (reference, more = {}) => createSecrets({ ...environment, ...more }).resolve(reference),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Everything that might be shown of a failure, which does not hold the password. */
export async function toldOf(promise: Promise<unknown>, type: 'Refused' | 'Unreachable'): Promise<string> {
  const error = await failureOf(promise);
  expect(error).toMatchObject({ type, nonRetryable: type === 'Refused', cause: undefined });
  const shown = `${String(error)} ${JSON.stringify(error)}`;
  expect(shown).not.toContain(PASSWORD);
  return shown;
}
