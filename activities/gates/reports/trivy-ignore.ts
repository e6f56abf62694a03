/** Exceptions in the shape of `.trivyignore.yaml`, each with an expiry at most 90 days ahead and a person: `by`. */
import { z } from 'zod';
import { matchesPath } from './match-path.js';
import { isPurl, matchesPurl } from './purl.js';
import type { Finding } from './report.js';
import { listOf } from './shape.js';
import { addTo, readEntries, type Exceptions, type Waiver } from './waiver.js';

const DAY_MS = 24 * 60 * 60_000;
const LONGEST_DAYS = 90;

// An unknown key may be a `path` that was to narrow the exception down, so it is refused.
const entry = z.strictObject({
  id: z.string().min(1),
  paths: z.array(z.string().min(1).max(1000)).min(1).optional(),
  purls: z
    .array(z.string().refine(isPurl, 'is no package URL, such as pkg:npm/left-pad@1.3.0'))
    .min(1)
    .optional(),
  expired_at: z.string().optional(),
  by: z.string().optional(),
  statement: z.string().optional(),
});
const entries = listOf(entry);
const file = z.strictObject({
  vulnerabilities: entries,
  misconfigurations: entries,
  secrets: entries,
  licenses: entries,
});

type Entry = z.output<typeof entry>;

/** The lists count the same: ids of different kinds do not meet. Throws UnreadableExceptions. */
export function trivyIgnore(value: unknown): Exceptions {
  const { vulnerabilities, misconfigurations, secrets, licenses } = readEntries(value, file);
  const byId = new Map<string, Entry[]>();
  for (const each of [...vulnerabilities, ...misconfigurations, ...secrets, ...licenses])
    addTo(byId, each.id, each);
  return {
    about(finding, now) {
      const here = (byId.get(finding.id) ?? []).filter((each) => concerns(each, finding));
      const waivers = here.map((each) => judge(each, now));
      return waivers.find(({ holds }) => holds) ?? waivers[0] ?? null;
    },
  };
}

/** Narrower than Trivy: `purls` never meet a finding whose package is not known. */
function concerns({ paths, purls }: Entry, finding: Finding): boolean {
  if (
    paths !== undefined &&
    !paths.some((pattern) => finding.paths.some((path) => matchesPath(pattern, path)))
  )
    return false;
  const { purl } = finding;
  return purls === undefined || (purl !== null && purls.some((pattern) => matchesPurl(pattern, purl)));
}

function judge(entry: Entry, now: Date): Waiver {
  const by = entry.by?.trim() ?? '';
  const until = entry.expired_at ?? '';
  const untilMs = readMoment(until);
  const no = (says: string): Waiver => ({ holds: false, says });
  if (by === '') return no('its exception names nobody (by)');
  if (until === '') return no('its exception never ends (expired_at)');
  if (untilMs === null) return no(`its exception ends at "${until}", which is no date such as 2026-12-31`);
  if (untilMs <= now.getTime()) return no(`its exception ended ${until}`);
  if (untilMs > now.getTime() + LONGEST_DAYS * DAY_MS)
    return no(`its exception ends ${until}, more than ${LONGEST_DAYS} days ahead`);
  const why = entry.statement?.trim() ?? '';
  return { holds: true, says: `until ${until} by ${by}${why === '' ? '' : `: ${why}`}` };
}

/** A date is its first moment in UTC, as Trivy reads it; a time needs its zone. */
function readMoment(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$/.exec(text);
  const day = match?.[1] ?? '';
  const dayMs = Date.parse(`${day}T00:00:00Z`);
  // 2026-02-30 is no day, though Date.parse may take it for one
  if (match === null || Number.isNaN(dayMs) || !new Date(dayMs).toISOString().startsWith(day)) return null;
  const ms = Date.parse(match[2] === undefined ? `${day}T00:00:00Z` : text);
  return Number.isNaN(ms) ? null : ms;
}
