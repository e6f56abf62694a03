const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (value: number): string => String(value).padStart(2, '0');

/** How long something took: `340ms 1.3s 41s 1m 02s 2h 05m 6d 03h`. */
export function formatTook(tookMs: number): string {
  if (tookMs < SECOND) return `${String(Math.round(tookMs))}ms`;
  if (tookMs < 10 * SECOND) return `${(tookMs / SECOND).toFixed(1)}s`;
  const seconds = Math.round(tookMs / SECOND) * SECOND;
  if (seconds < MINUTE) return `${String(seconds / SECOND)}s`;
  if (seconds < HOUR) return `${String(Math.floor(seconds / MINUTE))}m ${two((seconds % MINUTE) / SECOND)}s`;
  if (seconds < DAY)
    return `${String(Math.floor(seconds / HOUR))}h ${two(Math.floor((seconds % HOUR) / MINUTE))}m`;
  return `${String(Math.floor(seconds / DAY))}d ${two(Math.floor((seconds % DAY) / HOUR))}h`;
}

/** Age in its largest unit: `20s 14m 2h 6d`. */
export function formatAge(sinceIso: string, now: Date): string {
  const ageMs = Math.max(0, now.getTime() - Date.parse(sinceIso));
  if (ageMs < MINUTE) return `${String(Math.floor(ageMs / SECOND))}s`;
  if (ageMs < HOUR) return `${String(Math.floor(ageMs / MINUTE))}m`;
  if (ageMs < DAY) return `${String(Math.floor(ageMs / HOUR))}h`;
  return `${String(Math.floor(ageMs / DAY))}d`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A moment in UTC, the zone everyone in a team shares: `17 Nov 10:37 UTC`. */
export function formatMoment(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return `${String(at.getUTCDate())} ${MONTHS[at.getUTCMonth()] ?? ''} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;
}
