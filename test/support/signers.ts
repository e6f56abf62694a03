/** The people of a file's policies, with real keys of their own and the files that a policy names. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { givePersonKey, revokeKey } from './people.js';

export interface Signers {
  /** Where `allowed_signers` and `revoked` are, and a policy beside them can be. */
  readonly folder: string;
  keyOf(name: string): string;
  /** Gives somebody a key whom `allowed_signers` does not name. */
  add(name: string): Promise<void>;
}

/**
 * Whom `allowed_signers` names, and with which options. Besides there are `gone@example.com`, whose key is revoked, and
 * `stranger@example.com`, whom nobody has named.
 */
export function useSigners(named: Record<string, string>): Signers {
  let folder = '';
  const keyOf = (name: string): string => path.join(folder, name, 'key');
  const person = async (name: string, options?: string): Promise<string> => {
    await mkdir(path.join(folder, name));
    return await givePersonKey(keyOf(name), name, options);
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'slw-signers-'));
    const lines = [await person('gone@example.com')];
    for (const [name, options] of Object.entries(named)) lines.push(await person(name, options));
    await person('stranger@example.com');
    await writeFile(path.join(folder, 'allowed_signers'), lines.join(''));
    await revokeKey(path.join(folder, 'revoked'), keyOf('gone@example.com'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  return {
    get folder() {
      return folder;
    },
    keyOf,
    add: async (name) => void (await person(name)),
  };
}
