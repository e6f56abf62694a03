/** What a CI job gets besides the screen: its summary, its outputs, its annotations. */
import { appendFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import type { Terminal } from './terminal.js';
import type { Explanation } from './user-error.js';

type Mistake = Pick<Explanation, 'what' | 'where' | 'wayOut'>;

export function isCi(env: Record<string, string | undefined>): boolean {
  const value = env['CI'];
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}

/** Appends Markdown to the job's summary page, where there is one. */
export function writeJobSummary(env: Record<string, string | undefined>, markdown: string): void {
  const path = env['GITHUB_STEP_SUMMARY'];
  if (path !== undefined && path !== '') appendFileSync(path, `${markdown.trimEnd()}\n\n`);
}

/** Hands `state`, `url` and `digest` to later steps of the job. */
export function writeJobOutputs(
  env: Record<string, string | undefined>,
  outputs: Record<string, string>,
): void {
  const path = env['GITHUB_OUTPUT'];
  if (path === undefined || path === '') return;
  appendFileSync(
    path,
    Object.entries(outputs)
      .map(([name, value]) => formatOutput(name, value))
      .join(''),
  );
}

/** `name=value`, or the delimiter form where the value has line breaks; the delimiter cannot be guessed. */
export function formatOutput(name: string, value: string): string {
  if (!/[\r\n]/.test(value)) return `${name}=${value}\n`;
  const delimiter = `end-${randomUUID()}`;
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
}

/** In a GitHub job, an error becomes an annotation on the file and line it is about. */
export function annotateError(terminal: Terminal, error: Mistake, file: string): void {
  if (terminal.env['GITHUB_ACTIONS'] !== 'true') return;
  terminal.annotate(formatAnnotation(error, file));
}

export function formatAnnotation(error: Mistake, file: string): string {
  const [, path, line, column] = /^(\S+?):(\d+)(?::(\d+))?/.exec(error.where) ?? [];
  const place = [
    `file=${escapeProperty(path ?? file)}`,
    ...(line === undefined ? [] : [`line=${line}`]),
    ...(column === undefined ? [] : [`col=${column}`]),
    'title=slipway',
  ];
  // GitHub shows file and line itself.
  const where = line === undefined ? `${error.where}: ` : '';
  return `::error ${place.join(',')}::${escapeMessage(`${where}${error.what}\n${error.wayOut}`)}`;
}

function escapeMessage(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
