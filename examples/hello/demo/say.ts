/** The demo's lines: a clock, what happens, and a result at the right, on terminals of any width. */
import { makeStyle } from '../../../client/render/style.js';

const style = makeStyle({ ascii: process.argv.includes('--ascii'), colour: false, columns: 0 });
const CLOCK = 7;
const RESULT = 24;
const WIDEST = 80;
const startedAt = performance.now();

/** What does not fit goes on below; the result stands at the right of the last line, or below that. */
export function say(text: string, right = ''): void {
  const seconds = Math.floor((performance.now() - startedAt) / 1000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`.padStart(CLOCK - 2);
  const width = readColumns() - CLOCK;
  const lines = wrap(inSigns(text), width);
  const last = lines.at(-1) ?? '';
  const gap = Math.max(2, width - RESULT - last.length);
  if (right !== '' && last.length + gap + right.length > width) lines.push(`  ${right}`);
  else if (right !== '') lines[lines.length - 1] = last + ' '.repeat(gap) + right;
  write(lines.map((line, index) => `${index === 0 ? `${clock}  ` : ' '.repeat(CLOCK)}${line}\n`).join(''));
}

/** As it is, below the last line. */
export function sayBelow(...lines: string[]): void {
  write(lines.map((line) => `${' '.repeat(CLOCK)}${line}\n`).join(''));
}

/** Without signs a terminal may not have, where `--ascii` asks for it. */
export function inSigns(text: string): string {
  return text
    .replaceAll('✓', style.ok)
    .replaceAll('✗', style.failed)
    .replaceAll('▸', style.now)
    .replaceAll('↶', style.undone)
    .replaceAll('…', style.ellipsis);
}

function write(text: string): void {
  process.stderr.write(inSigns(text));
}

/** Between things where there are some (three blanks), else between words; a longer word is kept whole. */
function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const part of text
    .split('   ')
    .flatMap((thing) => (thing.length > width ? thing.split(' ') : [`  ${thing}`]))) {
    const last = lines.at(-1) ?? '';
    const longer = last === '' ? part.trimStart() : `${last} ${part}`;
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(part.trimStart());
  }
  return lines;
}

function readColumns(): number {
  const columns = process.stderr.isTTY ? process.stderr.columns : Number(process.env['COLUMNS']);
  return Math.min(WIDEST, columns || WIDEST);
}
