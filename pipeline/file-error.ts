/** Errors of the pipeline file: where, what, what was probably meant, and the line itself. */

export type FilePath = readonly (string | number)[];

export interface FileError {
  file: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units, as editors count. */
  column: number;
  /** `checks.health.start_period`; empty for the whole file. */
  path: string;
  message: string;
  /** The word that was probably meant. */
  suggestion: string | null;
  /** The offending line and a caret line under it; empty when there is no line to show. */
  snippet: string;
}

export interface Range {
  start: number;
  end: number;
}

export function formatPath(path: FilePath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** `slipway.yaml:3:27  checks.health.start_period: no such key. Did you mean start-period?` and the snippet. */
export function renderFileError(error: FileError): string {
  const head = `${placeOf(error)}  ${describe(error)}`;
  return error.snippet === '' ? head : `${head}\n${error.snippet}`;
}

export function renderFileErrors(errors: readonly FileError[]): string {
  return errors.map(renderFileError).join('\n\n');
}

/** The same as one explanation, each fact once: the first is what and where, its line and the others are why. */
export function explainFileErrors(
  [first, ...others]: readonly FileError[],
  file: string,
): { what: string; where: string; why: string | null } {
  if (first === undefined) return { what: 'it cannot be read', where: file, why: null };
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const why = [first.snippet, ...others.map(renderFileError)].filter((part) => part !== '').join('\n\n');
  return { what: `${describe(first)}${more}`, where: placeOf(first), why: why === '' ? null : why };
}

function placeOf({ file, line, column }: FileError): string {
  return `${file}:${line}:${column}`;
}

function describe({ path, message, suggestion }: FileError): string {
  const what = path === '' ? message : `${path}: ${message}`;
  const hint = suggestion === null ? '' : `${/[.?]$/.test(what) ? '' : '.'} Did you mean ${suggestion}?`;
  return printable(`${what}${hint}`);
}

/** Text without anything a terminal would obey (escapes, bidirectional overrides). */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    char === '\t' || char === '\u200d' ? char : '\ufffd',
  );
}

const WIDTH = 100;

/**
 * The line of `range` and carets under its part of that line. `masked` ranges (secrets) are shown as dots; a very
 * long line is cut around the range.
 */
export function makeSnippet(source: string, range: Range, line: number, masked: readonly Range[]): string {
  const lineStart = source.lastIndexOf('\n', range.start - 1) + 1;
  const newline = source.indexOf('\n', lineStart);
  const lineEnd = newline === -1 ? source.length : newline;
  let shown = source.slice(lineStart, lineEnd).replace(/\r$/, '');
  for (const mask of masked) {
    const from = Math.max(0, mask.start - lineStart);
    const to = Math.min(shown.length, mask.end - lineStart);
    if (from < to) shown = shown.slice(0, from) + '•'.repeat(to - from) + shown.slice(to);
  }
  if (shown.trim() === '') return '';
  const caretFrom = Math.min(range.start - lineStart, shown.length);
  const caretTo = Math.max(caretFrom + 1, Math.min(range.end - lineStart, shown.length));
  const cut = caretFrom > WIDTH - 20 ? caretFrom - 40 : 0;
  const before = printable(shown.slice(cut, caretFrom));
  const under = printable(shown.slice(caretFrom, Math.min(caretTo, cut + WIDTH)));
  const visible = printable(shown.slice(cut, cut + WIDTH));
  const number = String(line);
  const text = `${cut > 0 ? '…' : ''}${visible}${shown.length > cut + WIDTH ? '…' : ''}`;
  const indent = `${cut > 0 ? ' ' : ''}${blank(before)}`;
  return `  ${number} │ ${text}\n  ${' '.repeat(number.length)} │ ${indent}${'^'.repeat(Math.max(1, columns(under)))}`;
}

const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\uff01-\uff60]/u;

/** As many columns of blanks as the text takes, keeping tabs. */
function blank(text: string): string {
  return Array.from(text, (char) => (char === '\t' ? '\t' : ' '.repeat(columns(char)))).join('');
}

function columns(text: string): number {
  let sum = 0;
  for (const char of text) sum += /[\p{Mn}\u200d]/u.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return sum;
}
