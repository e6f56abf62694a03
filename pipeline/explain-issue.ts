/** A zod issue in the words of someone who writes YAML. */
import type { z } from 'zod';
import { suggestDuration } from './durations.js';
import type { FilePath } from './file-error.js';
import { isMap, listWords, type IssueFacts } from './schema-words.js';
import { suggestWord } from './suggest.js';

/** Something wrong with the file, before its place in the text is known. */
export interface Finding {
  path: (string | number)[];
  message: string;
  suggestion: string | null;
  /** Which part of the key-value pair to point at. */
  at: 'key' | 'value';
  /** The value is a secret and must not be shown. */
  secret: boolean;
}

export function finding(path: FilePath, message: string, suggestion: string | null = null): Finding {
  return { path: [...path], message, suggestion, at: 'value', secret: false };
}

const TYPE_WORDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) {
    // `{tag}` without quotes is a YAML map: the commonest mistake with templates
    const keys = Object.entries(value);
    const [first] = keys;
    const unquoted = keys.length === 1 && first !== undefined && first[1] === null;
    return unquoted ? `a map; put quotes around "{${first[0]}}"` : 'a map';
  }
  if (typeof value === 'string') return 'text';
  return typeof value === 'number' || typeof value === 'boolean'
    ? `the ${typeof value} ${value}`
    : typeof value;
}

function explainType(expected: string, value: unknown): string {
  if (value === undefined) return 'is missing';
  const wanted = TYPE_WORDS[expected] ?? expected;
  const quotes =
    expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')
      ? '; put it in quotes'
      : '';
  return value === null
    ? `is empty, but must be ${wanted}`
    : `must be ${wanted}, but is ${describe(value)}${quotes}`;
}

function factsOf(issue: z.core.$ZodIssue): IssueFacts {
  return issue.code === 'custom' ? ((issue.params ?? {}) as IssueFacts) : {};
}

function explainMessage(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_type') {
    const ours = issue.message.startsWith('Invalid input');
    return ours || value === undefined ? explainType(issue.expected, value) : issue.message;
  }
  if (issue.code === 'invalid_value') {
    return value === undefined ? 'is missing' : `must be ${listWords(issue.values.map(String))}`;
  }
  if (issue.code === 'too_small') {
    if (issue.origin === 'number' || issue.origin === 'int') return `must be at least ${issue.minimum}`;
    return issue.origin === 'array' ? 'must not be an empty list' : 'must not be empty';
  }
  if (issue.code === 'too_big') {
    const unit = issue.origin === 'string' ? ' characters long' : '';
    return `must be at most ${issue.maximum}${unit}`;
  }
  return issue.code === 'invalid_key' ? 'is no name that can be used here' : issue.message;
}

/** What a bare number most likely means: `12s`, `5%`. */
function withUnit({ code, message }: z.core.$ZodIssue, value: unknown): string | null {
  if (code !== 'invalid_type' || typeof value !== 'number') return null;
  if (message.includes(' is not a duration;')) return suggestDuration(String(value));
  return / is (not a percentage|no share);/.test(message) ? `${value}%` : null;
}

/** `root` is the file's plain value; it tells what stood at the issue's path. */
export function explainIssue(issue: z.core.$ZodIssue, root: unknown): Finding {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const value = valueAt(root, path);
  const facts = factsOf(issue);
  const known = issue.code === 'invalid_value' ? issue.values.map(String) : (facts.known ?? []);
  const given =
    issue.code === 'custom' && facts.atKey === true
      ? String(path.at(-1) ?? '')
      : typeof value === 'string'
        ? value
        : '';
  const template = /^\{([^}]+)\} is no template/.exec(issue.message)?.[1];
  const word = template ?? given;
  const near = facts.suggestion ?? withUnit(issue, value) ?? (word === '' ? null : suggestWord(word, known));
  return {
    path,
    message: explainMessage(issue, value),
    suggestion: near !== null && template !== undefined ? `{${near}}` : near,
    at: facts.atKey === true || issue.code === 'invalid_key' ? 'key' : 'value',
    secret: facts.secret === true,
  };
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const part of path) {
    if (Array.isArray(value)) value = typeof part === 'number' ? value[part] : undefined;
    else value = isMap(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}
