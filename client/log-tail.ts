import { plainLines } from './render/text.js';

/** The lines of `now` that were not the end of `before`: two tails of one growing log overlap. Control characters removed. */
export function newLines(before: string, now: string): string[] {
  const old = toLines(before);
  const fresh = toLines(now);
  for (let overlap = Math.min(old.length, fresh.length); overlap > 0; overlap -= 1) {
    const end = old.slice(old.length - overlap);
    if (end.every((line, index) => line === fresh[index])) return fresh.slice(overlap);
  }
  return fresh;
}

function toLines(text: string): string[] {
  const trimmed = plainLines(text).replace(/\n+$/, '');
  return trimmed === '' ? [] : trimmed.split('\n');
}
