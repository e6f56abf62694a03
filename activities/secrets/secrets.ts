/** Turns secret references into values, inside activities only, and removes the values from text again. */
import { readFile } from 'node:fs/promises';
import type { SecretReference } from '../../pipeline/plan.js';
import { badInput, refused } from '../failure.js';
import { Scrubber } from './scrub.js';

export interface Secrets {
  /**
   * The value behind a reference, without the newline a file ends with. `name` is for references that stand for a
   * host or a user: such values (`deploy`) are ordinary words in logs and are not scrubbed. Refused with the
   * reference in the message, never the value.
   */
  resolve: (reference: SecretReference, kind?: 'secret' | 'name') => Promise<string>;
  /** `text` without any value resolved so far, also base64 or URL-encoded. */
  scrub: (text: string) => string;
}

const REFERENCE = /^(env|file|age|sops|vault):/;

/** Is this text a reference rather than itself? */
export function isReference(text: string): boolean {
  return REFERENCE.test(text);
}

export function createSecrets(environment: NodeJS.ProcessEnv = process.env): Secrets {
  const scrubber = new Scrubber();
  return {
    resolve: async (reference, kind = 'secret') => {
      const value = (await read(reference, environment)).replace(/\r?\n$/, '');
      if (value === '') throw missing(reference, 'is empty', wayOutFor(reference));
      if (kind === 'secret') scrubber.add(value, reference);
      return value;
    },
    scrub: (text) => scrubber.scrub(text),
  };
}

async function read(reference: SecretReference, environment: NodeJS.ProcessEnv): Promise<string> {
  const kind = REFERENCE.exec(reference)?.[1];
  const rest = reference.slice((kind ?? '').length + 1);
  switch (kind) {
    case 'env': {
      const value = environment[rest];
      if (value === undefined) {
        throw missing(reference, 'is not set in the environment of the worker', wayOutFor(reference));
      }
      return value;
    }
    case 'file':
      try {
        return await readFile(rest, 'utf8');
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
        throw missing(reference, `cannot be read by the worker (${code})`, wayOutFor(reference));
      }
    case undefined:
      // never echoed: what is not a reference may be the secret itself
      throw badInput({
        what: 'a value stands where only a secret reference may',
        where: 'secret',
        why: null,
        wayOut: 'use env:NAME or file:/path',
      });
    default:
      throw badInput({
        what: `secrets from ${kind}: cannot be resolved by this version`,
        where: `secret ${reference}`,
        why: null,
        wayOut: 'use env:NAME or file:/path',
      });
  }
}

function missing(reference: SecretReference, what: string, wayOut: string): Error {
  return refused({ what: `${reference} ${what}`, where: 'secrets of the worker', why: null, wayOut });
}

function wayOutFor(reference: SecretReference): string {
  return reference.startsWith('env:')
    ? `start the worker with ${reference.slice('env:'.length)} set`
    : `put the value there, readable by the worker's user`;
}
