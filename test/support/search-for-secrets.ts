/**
 * The run's search for planted secrets. What is found is written down with its place, never with the value, and fails the
 * run once its tests are over (`secrets-setup.ts`): a search in the middle of a clean-up must not stop it.
 */
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { formsOf } from './leaks.js';
import { readMarks, RUN_FOLDER, type Marks } from './planted.js';

/**
 * What keys that programs make begin with, since nobody can put a mark into them: SSH keys, PEM, the seal key, age. A
 * multiple of three bytes each, as the marks.
 */
const KEYS = ['b3BlbnNzaC1rZXktdj', 'PRIVATE KEY----', 'MC4CAQAwBQYDK2VwBCIEI', 'AGE-SECRET-KEY-'];
/** No form of any of them is shorter: most of what Temporal keeps need not be looked at. */
const SHORTEST = 14;
const FINDINGS_FILE = 'findings';

type Needles = [form: string, written: string][];
const needles = new Map<keyof Marks, Needles>();

function needlesOf(mark: keyof Marks): Needles {
  const known = needles.get(mark);
  if (known !== undefined) return known;
  const { [mark]: text } = readMarks();
  const forms = new Map<string, string>();
  for (const each of mark === 'secret' ? [text, ...KEYS] : [text])
    for (const [form, written] of formsOf(each)) if (!forms.has(written)) forms.set(written, form);
  const made = [...forms].map(([written, form]): [string, string] => [form, written]);
  needles.set(mark, made);
  return made;
}

/** The forms in which a secret (or a decoy) stands in it: `plain`, `base64`; empty = it holds none. */
export function formsIn(text: string | Uint8Array, mark: keyof Marks = 'secret'): string[] {
  if (text.length < SHORTEST) return [];
  const searched = typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
  return needlesOf(mark)
    .filter(([, written]) => searched.includes(written))
    .map(([form]) => form);
}

/** Every text and every bytes anywhere in `value` that holds a secret: `base64 in memo.report`. */
export function findInTree(
  value: unknown,
  mark: keyof Marks = 'secret',
  place: readonly string[] = [],
): string[] {
  if (typeof value === 'string' || value instanceof Uint8Array)
    return formsIn(value, mark).map((form) => `${form} in ${place.join('.')}`);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...formsIn(name, mark).map((form) => `${form} in a name in ${place.join('.')}`),
    ...findInTree(inner, mark, [...place, name]),
  ]);
}

/** A log, a screen, an answer: what it holds of secrets fails the run. */
export function searchText(place: string, text: string | Uint8Array): void {
  noteFindings(formsIn(text).map((form) => `${form} in ${place}`));
}

/** The same of what a process writes to its pipes, once it has ended. */
export function searchOutput(child: ChildProcess, name: string): void {
  const written: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer | string) => written.push(Buffer.from(chunk)));
  child.once('close', () => searchText(`what ${name} wrote`, Buffer.concat(written)));
}

/** Fails the run. Throws where there is none: a program that is no test. */
export function noteFindings(found: readonly string[]): void {
  if (found.length === 0) return;
  const { [RUN_FOLDER]: folder } = process.env;
  if (folder === undefined) throw new Error(describeFindings(found));
  appendFileSync(path.join(folder, FINDINGS_FILE), found.map((each) => `${each}\n`).join(''));
}

/** Each is answered once. */
export function takeFindings(folder: string): string[] {
  const file = path.join(folder, FINDINGS_FILE);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  rmSync(file);
  return [...new Set(lines)].filter((line) => line !== '');
}

export function describeFindings(found: readonly string[]): string {
  return [
    `${found.length} times a secret was found where anybody could read it, or could not be searched for:`,
    ...found.map((each) => `  ${each}`),
  ].join('\n');
}
