/** Values of flags that are more than text. Each throws UserError (exit 2) with the form it should have. */
import { parseDuration } from '../pipeline/durations.js';
import { badInput } from './user-error.js';

/** Milliseconds; null when the flag was not given. */
export function readDuration(flag: string, text: string | null): number | null {
  if (text === null) return null;
  const durationMs = parseDuration(text);
  if (durationMs !== null) return durationMs;
  throw badInput({ what: `${text} is no duration`, where: flag, wayOut: 'write one like 90s, 30m or 12h' });
}

/** ISO time of `12h` from now or of a moment with a zone; null when the flag was not given. */
export function readMoment(flag: string, text: string | null, now: Date): string | null {
  if (text === null) return null;
  const durationMs = parseDuration(text);
  if (durationMs !== null) return new Date(now.getTime() + durationMs).toISOString();
  const hasZone = /T\d{2}:\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$/i.test(text);
  const at = Date.parse(text);
  if (hasZone && !Number.isNaN(at)) return new Date(at).toISOString();
  throw badInput({
    what: `${text} is no moment`,
    where: flag,
    wayOut: 'write a duration (12h, 7d) or a time with its zone (2026-12-28T18:00Z)',
  });
}

/** One of `allowed`; null when the flag was not given. */
export function readChoice<Choice extends string>(
  flag: string,
  text: string | null,
  allowed: readonly Choice[],
): Choice | null {
  if (text === null) return null;
  const found = allowed.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw badInput({ what: `${text} is not known`, where: flag, wayOut: `one of ${allowed.join(', ')}` });
}

/** A whole number of at least 1; null when the flag was not given. */
export function readCount(flag: string, text: string | null): number | null {
  if (text === null) return null;
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw badInput({ what: `${text} is no count`, where: flag, wayOut: 'write a whole number, 1 or more' });
}
