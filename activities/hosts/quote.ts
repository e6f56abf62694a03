/**
 * The only place where words become shell text. Everything above hands over argv; everything below sends the text
 * to `sh`. A word is either plainly safe or wrapped in single quotes, inside which sh interprets nothing.
 */
import { badInput } from '../failure.js';

const SAFE_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** One word for POSIX sh. Refuses NUL, which no argument can carry. */
export function quoteWord(word: string): string {
  if (word.includes('\0')) {
    throw badInput({
      what: `the argument ${JSON.stringify(word.slice(0, 60))} contains a NUL character`,
      where: 'remote command',
      why: null,
      wayOut: 'remove the character: no program can receive it',
    });
  }
  return SAFE_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** `argv` as one line of POSIX sh. */
export function quoteArgv(argv: readonly string[]): string {
  if (argv.length === 0) throw new Error('an empty argv names no program');
  return argv.map((word) => quoteWord(word)).join(' ');
}

/** Lines that export `env`; sent on stdin, never as arguments, so that no `ps` on the host shows a value. */
export function quoteExports(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${checkVariableName(name)}=${quoteWord(value)}\n`)
    .join('');
}

/** The name, or BadInput for one that no shell takes. */
export function checkVariableName(name: string): string {
  if (VARIABLE_NAME.test(name)) return name;
  throw badInput({
    what: `${JSON.stringify(name)} is not the name of an environment variable`,
    where: 'remote command',
    why: null,
    wayOut: 'use letters, digits and underscores, not starting with a digit',
  });
}
