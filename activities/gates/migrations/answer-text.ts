/** What the gate says, in a note that fits into histories: the first problems first, the rest counted. */
import path from 'node:path';
import { oneLine } from '../../../workflows/plain-text.js';
import { NOTE_CHARACTERS } from '../gate-answer.js';
import type { Difference } from './migration-files.js';
import type { Problem } from './problem.js';

const NAMED_FILES = 5;

export function sayCompatible(added: readonly string[]): string {
  if (added.length === 0) return 'no new migrations';
  const names = added.slice(0, NAMED_FILES).map((file) => oneLine(path.posix.basename(file)).slice(0, 60));
  const more = added.length > NAMED_FILES ? ` and ${added.length - NAMED_FILES} more` : '';
  return `${added.length} new, expand only (${names.join(', ')}${more})`;
}

export function sayProblems(found: {
  added: readonly string[];
  rewritten: Difference['rewritten'];
  problems: readonly Problem[];
}): string {
  const lines = [...new Set([...found.rewritten.map(rewrittenLine), ...found.problems.map(problemLine)])];
  const files = new Set([
    ...found.rewritten.map(({ path }) => path),
    ...found.problems.map(({ file }) => file),
  ]);
  const heading = `${count(lines.length, 'problem')} in ${count(files.size, 'migration')} (${found.added.length} new)`;
  return fit(heading, lines);
}

const rewrittenLine = ({ path, how }: Difference['rewritten'][number]): string =>
  `${shownPath(path)} was ${how}, but it has been applied; put it back, and add a migration instead`;

function problemLine({ file, line, statement, fault, what, why, wayOut }: Problem): string {
  const said = statement === '' ? '' : ` [${oneLine(statement)}]`;
  const verb = fault === 'unclear' ? 'cannot be read:' : fault;
  return `${shownPath(file)}:${line} ${verb} ${oneLine(what).slice(0, 300)}${said}: ${why}; ${wayOut}`;
}

const shownPath = (file: string): string => oneLine(file).slice(-200);

function fit(heading: string, lines: readonly string[]): string {
  let note = heading;
  for (const [index, line] of lines.entries()) {
    const left = lines.length - index;
    const rest = `\n… and ${left} more`;
    if (note.length + 1 + line.length + rest.length > NOTE_CHARACTERS) return note + rest;
    note += `\n${line}`;
  }
  return note;
}

const count = (amount: number, of: string): string => `${amount} ${of}${amount === 1 ? '' : 's'}`;
