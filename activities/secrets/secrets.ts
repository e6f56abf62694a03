/** Turns secret references into values, inside activities only, and removes the values from text again. */
import { readFile } from 'node:fs/promises';
import {
  REFERENCE_FORMS,
  schemeOf,
  type SecretReference,
  type SecretScheme,
} from '../../pipeline/secret-references.js';
import { badInput } from '../failure.js';
import { createAge } from './age.js';
import { KeptFiles } from './kept-files.js';
import { Scrubber, type Sighting } from './scrub.js';
import { noSecret } from './secret-failure.js';
import type { ReadSecret } from './secret-file.js';
import { createSops } from './sops.js';
import { createVault } from './vault.js';
import { refuseOwnFile, refuseOwnVariable } from './workers-own.js';

export interface Secrets {
  /**
   * The value behind a reference, without the newline a file ends with. `name` is for references that stand for a
   * host or a user: such values (`deploy`) are ordinary words in logs and are not scrubbed. Refused with the
   * reference in the message, never the value; unreachable when who keeps it does not answer.
   */
  resolve: (reference: SecretReference, kind?: 'secret' | 'name') => Promise<string>;
  /** `text` without any value resolved so far, also base64 or URL-encoded. */
  scrub: (text: string) => string;
  /** Where in `value` any of these stands, by the same rules. */
  find: (value: unknown) => Sighting[];
  /** A value that no reference stands for, such as a token handed out by a server, reads `[name]` from now on. */
  conceal: (value: string, name: string) => void;
}

/** Is this text a reference rather than itself? */
export function isReference(text: string): boolean {
  return schemeOf(text) !== null;
}

/**
 * `environment` is the worker's: `env:` reads it, and the others find there how to get at what they read. Nothing in
 * `sealFolder` is a secret of a pipeline.
 */
export function createSecrets(
  environment: NodeJS.ProcessEnv = process.env,
  sealFolder: string | null = null,
): Secrets {
  const scrubber = new Scrubber();
  const conceal = (value: string, name: string): void => scrubber.add(value, name);
  const kept = new KeptFiles();
  const readers: Record<SecretScheme, ReadSecret> = {
    env: createEnv(environment),
    file: async (reference, file) => {
      await refuseOwnFile(reference, file, { environment, sealFolder });
      return await readWholeFile(reference, file);
    },
    age: createAge(environment, kept),
    sops: createSops(environment, kept),
    vault: createVault(environment, conceal),
  };
  return {
    resolve: async (reference, kind = 'secret') => {
      const scheme = schemeOf(reference);
      if (scheme === null) throw notAReference();
      const read = await readers[scheme](reference, reference.slice(scheme.length + 1));
      const value = read.replace(/\r?\n$/, '');
      if (value === '') throw noSecret(reference, 'is empty', 'put a value there');
      if (kind === 'secret') conceal(value, reference);
      return value;
    },
    scrub: (text) => scrubber.scrub(text),
    find: (value) => scrubber.find(value),
    conceal,
  };
}

function createEnv(environment: NodeJS.ProcessEnv): ReadSecret {
  return async (reference, name) => {
    refuseOwnVariable(reference, name);
    const value = environment[name];
    if (value !== undefined) return value;
    const wayOut = `start the worker with ${name} set`;
    throw noSecret(reference, 'is not set in the environment of the worker', wayOut);
  };
}

async function readWholeFile(reference: SecretReference, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const wayOut = `put the value there, readable by the worker's user`;
    throw noSecret(reference, `cannot be read by the worker (${code})`, wayOut);
  }
}

function notAReference(): Error {
  return badInput({
    // never echoed: what is not a reference may be the secret itself
    what: 'a value stands where only a secret reference may',
    where: 'secret',
    why: null,
    wayOut: `use ${REFERENCE_FORMS}`,
  });
}
