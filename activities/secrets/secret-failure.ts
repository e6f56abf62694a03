/** How a secret that cannot be had is told of: by its reference, never by anything that was read on the way. */
import type { SecretReference } from '../../pipeline/secret-references.js';
import { refused, unreachable } from '../failure.js';

const WHERE = 'secrets of the worker';

/** It is not there, or may not be read; asking again changes nothing. */
export function noSecret(
  reference: SecretReference,
  what: string,
  wayOut: string,
  why: string | null = null,
): Error {
  return refused({ what: `${reference} ${what}`, where: WHERE, why, wayOut });
}

/** Who keeps it did not answer: Temporal asks again. */
export function noAnswer(
  reference: SecretReference,
  what: string,
  wayOut: string,
  why: string | null = null,
): Error {
  return unreachable({ what: `${reference} ${what}`, where: WHERE, why, wayOut });
}
