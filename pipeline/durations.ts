/** Durations (`500ms 10s 5m 24h 30d`) and sizes (`2GB`) as people write them. */

const DAY_MS = 86_400_000;
/** Longest first. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['d', DAY_MS],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]);

/** One whole number and one unit; the longest is about 27 years, so sums stay safe integers. */
export const DURATION_PATTERN = /^(0|[1-9][0-9]{0,8})(ms|s|m|h|d)$/;
export const LONGEST_MS = 10_000 * DAY_MS;

/** Milliseconds, or null when the text is not a duration of at most 10000d. */
export function parseDuration(text: string): number | null {
  const match = DURATION_PATTERN.exec(text);
  const unitMs = UNITS.get(match?.[2] ?? '');
  if (match === null || unitMs === undefined) return null;
  const ms = Number(match[1]) * unitMs;
  return ms <= LONGEST_MS ? ms : null;
}

/** The shortest spelling that parses back to the same milliseconds: `90000` → `90s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const [unit, unitMs] = [...UNITS].find(([, candidateMs]) => ms % candidateMs === 0) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}

/** What a wrong duration probably meant: `5 min` → `5m`, `30` → `30s`; null when that is a guess too far. */
export function suggestDuration(text: string): string | null {
  const match = /^\s*([0-9]{1,9})\s*([a-zA-Z]*)\s*$/.exec(text);
  if (match === null) return null;
  const word = (match[2] ?? '').toLowerCase();
  const spelled: [RegExp, string][] = [
    [/^(ms|msecs?|millis(econds?)?)$/, 'ms'],
    [/^(|s|secs?|seconds?)$/, 's'],
    [/^(m|mins?|minutes?)$/, 'm'],
    [/^(h|hrs?|hours?)$/, 'h'],
    [/^(d|days?)$/, 'd'],
  ];
  const unit = spelled.find(([pattern]) => pattern.test(word))?.[1];
  const weeks = /^(w|weeks?)$/.test(word) ? `${Number(match[1]) * 7}d` : null;
  const suggestion = unit === undefined ? weeks : `${Number(match[1])}${unit}`;
  return suggestion !== null && parseDuration(suggestion) !== null ? suggestion : null;
}

const SIZE_BYTES: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);
export const SIZE_PATTERN = /^(0|[1-9][0-9]{0,5})(B|KB|MB|GB|TB|KiB|MiB|GiB)$/;

/** Bytes, or null when the text is not a size such as `2GB` or `512MiB`. */
export function parseSize(text: string): number | null {
  const match = SIZE_PATTERN.exec(text);
  const unitBytes = SIZE_BYTES.get(match?.[2] ?? '');
  return match === null || unitBytes === undefined ? null : Number(match[1]) * unitBytes;
}
