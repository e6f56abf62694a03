/** Text from the pipeline file that goes into a proxy's configuration or its command socket. */
import { badInput } from '../failure.js';

const WORD = /^[A-Za-z0-9][A-Za-z0-9._:@/-]*$/;
const PATH = /^\/[A-Za-z0-9._@/+-]+$/;
const ADDRESS = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/;

/** A name without blanks, quotes, braces or semicolons, which both proxies would read as syntax. */
export function requireWord(text: string, key: string): string {
  return requireForm(WORD, text, key, 'letters, digits and . _ : @ / -');
}

export function requirePath(text: string, key: string): string {
  return requireForm(PATH, text, key, 'an absolute path of letters, digits and . _ @ + -');
}

export function requireAddress(text: string, key: string): string {
  return requireForm(ADDRESS, text, key, 'host:port');
}

function requireForm(form: RegExp, text: string, key: string, expected: string): string {
  if (form.test(text)) return text;
  throw badInput({
    what: `${JSON.stringify(text)} is not ${expected}`,
    where: key,
    why: null,
    wayOut: `write ${expected} in the pipeline file`,
  });
}
