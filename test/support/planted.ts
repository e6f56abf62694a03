/**
 * Secrets for tests. Each value holds the mark of this run, which nobody can guess and nothing else holds: whoever finds
 * the mark in what Temporal keeps, in a log or on a screen has found a secret (`search-for-secrets.ts`).
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The run's own folder, made by `secrets-setup.ts`: the processes that tests start find the marks there. Not the marks
 * themselves, or a program that shows its environment would show a secret.
 */
export const RUN_FOLDER = 'SLIPWAY_TEST_RUN';

export interface Marks {
  /** In every secret. */
  secret: string;
  /** In what is no secret and must be found, or the search is blind. */
  decoy: string;
}

const MARKS_FILE = 'marks.json';
/** Letters that read otherwise in JSON, in URLs and in shells. */
const ODD = `-&"ü/+ %$'`;

let marks: Marks | null = null;

/** Of the run, or of this process alone where there is none. */
export function readMarks(): Marks {
  const { [RUN_FOLDER]: folder } = process.env;
  marks ??= folder === undefined ? makeMarks() : (JSON.parse(readFileSync(at(folder), 'utf8')) as Marks);
  return marks;
}

export function writeMarks(folder: string): void {
  writeFileSync(at(folder), JSON.stringify(makeMarks()));
}

function at(folder: string): string {
  return path.join(folder, MARKS_FILE);
}

/** A multiple of three bytes, so that base64 of it is the same wherever it stands whole; letters need no escape. */
function makeMarks(): Marks {
  const make = (): string => randomBytes(12).toString('hex');
  return { secret: make(), decoy: make() };
}

/** A secret of letters and digits after `prefix`, for whatever has a form: 36 of them, as GitHub's tokens have. */
export function plantToken(prefix = ''): string {
  return `${prefix}${readMarks().secret}${randomBytes(6).toString('hex')}`;
}

/** A secret that every encoding writes in another way. */
export function plantSecret(kind: string): string {
  return `${kind}${ODD}${plantToken()}`;
}

/** A key of 32 bytes, to be written in base64. */
export function plantKey(): Buffer {
  return Buffer.concat([Buffer.from(readMarks().secret), randomBytes(8)]);
}

/** No secret: written like one, to be found. */
export function plantDecoy(): string {
  return `decoy${ODD}${readMarks().decoy}`;
}
