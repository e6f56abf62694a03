/** One entry of a document with secrets: YAML, JSON or dotenv. The document itself never gets into an error. */
import { parseEnv } from 'node:util';
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document } from 'yaml';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { noSecret } from './secret-failure.js';

/** What comes first in a dotenv file, comments aside, and never in YAML or JSON. */
const DOTENV = /^(?:[ \t]*(?:#.*)?\r?\n)*[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_.]*[ \t]*=/;

/**
 * The value of `key`: `db.password` is `password` inside `db`, `users.0` the first of a list, and a key that has dots
 * itself is found as well. Numbers are what the document says (`007`). Refused when there is no such entry, when it
 * is a section, and when the text is no document.
 */
export function entryOf(
  reference: SecretReference,
  text: string,
  key: string,
  within: string[] = [],
): string {
  if (DOTENV.test(text)) {
    const value = parseEnv(text)[key];
    if (value === undefined) throw absent(reference, key);
    return value;
  }
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false });
  if (document.errors.length > 0 || !isMap(document.contents)) {
    throw noSecret(reference, 'is in a text that is no YAML, JSON or dotenv document', 'write NAME: VALUE');
  }
  const section = within.reduce<unknown>((node, name) => childOf(document, node, name), document.contents);
  const node = find(document, section, key.split('.'));
  if (node === null) throw absent(reference, key);
  if (!isScalar(node)) throw noSecret(reference, 'is a section, not a value', `name an entry below ${key}`);
  if (typeof node.value === 'string') return node.value;
  return node.value === null ? '' : (node.source ?? '');
}

function absent(reference: SecretReference, key: string): Error {
  return noSecret(reference, `cannot be found: there is no entry ${key}`, 'add it, or correct the name');
}

/** Longest names first: a key may contain the dot that otherwise leads one level down. */
function find(document: Document, node: unknown, names: string[]): unknown {
  if (names.length === 0) return node;
  for (let taken = names.length; taken > 0; taken -= 1) {
    const child = childOf(document, node, names.slice(0, taken).join('.'));
    const found = child === null ? null : find(document, child, names.slice(taken));
    if (found !== null) return found;
  }
  return null;
}

function childOf(document: Document, node: unknown, name: string): unknown {
  let child: unknown = null;
  if (isSeq(node) && /^\d{1,6}$/.test(name)) child = node.items[Number(name)];
  if (isMap(node)) child = node.items.find(({ key }) => isScalar(key) && String(key.value) === name)?.value;
  return (isAlias(child) ? child.resolve(document) : child) ?? null;
}
