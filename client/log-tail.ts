import { plainLines } from './render/text.js';

/** The lines of `now` that were not the end of `before`: two tails of one growing log overlap. Control characters removed. */
export function newLines(before: string, now: string): string[] {
  const fresh = toLines(now);
  return fresh.slice(overlapOf(toLines(before), fresh));
}

/**
 * How many lines at the end of `old` begin `fresh`, at most. In one pass (Knuth, Morris, Pratt): logs are somebody else's
 * text, and thousands of equal lines must not take minutes.
 */
function overlapOf(old: string[], fresh: string[]): number {
  const borders: number[] = [];
  let length = 0;
  const step = (line: string | undefined): void => {
    while (length > 0 && (length === fresh.length || fresh[length] !== line))
      length = borders[length - 1] ?? 0;
    if (length < fresh.length && fresh[length] === line) length += 1;
  };
  for (const [index, line] of fresh.entries()) {
    if (index > 0) step(line);
    borders.push(length);
  }
  length = 0;
  for (const line of old) step(line);
  return length;
}

function toLines(text: string): string[] {
  const lines = plainLines(text).split('\n');
  return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
}
