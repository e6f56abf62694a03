/** Freezes: days or moments in a time zone, as a file has them, and the instants they mean. Pure. */
import type { AppliedRule, FreezePlan } from './plan.js';

/** As a file has it, already checked. */
export interface WrittenFreeze {
  from: string;
  to: string;
  zone?: string | undefined;
  reason?: string | undefined;
}

const SPELLING = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}))?$/;
const DAY_MS = 24 * 3_600_000;

/** What a clock on a wall shows, as if it were UTC. */
interface WallTime {
  ms: number;
  isDay: boolean;
}

/** null = no such day or time: `2026-02-30`, `tomorrow`. */
export function readWallTime(text: string): WallTime | null {
  const [match, year, month, day, hour = '00', minute = '00'] = SPELLING.exec(text) ?? [];
  if (match === undefined) return null;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:00.000Z`;
  const ms = Date.parse(iso);
  // 30 February is read as 2 March
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso) return null;
  return { ms, isDay: !text.includes('T') };
}

/**
 * First instant of the freeze and the first after it; null where one of the two cannot be read. A day means all of it. A
 * time that a change of the clocks leaves out or has twice is read so that the freeze is longer.
 */
export function instantsOf({
  from,
  to,
  zone = 'UTC',
}: WrittenFreeze): { fromMs: number; untilMs: number } | null {
  const begin = readWallTime(from);
  const end = readWallTime(to);
  if (begin === null || end === null) return null;
  return {
    fromMs: Math.min(...instantsAt(begin.ms, zone)),
    untilMs: Math.max(...instantsAt(end.ms + (end.isDay ? DAY_MS : 0), zone)),
  };
}

/** When the clocks of the zone show this: once, twice, or (a time they leave out) before and after it. */
function instantsAt(wallMs: number, zone: string): number[] {
  const offset = offsetsOf(zone);
  const both = [wallMs - offset(wallMs - DAY_MS), wallMs - offset(wallMs + DAY_MS)];
  const shown = both.filter((ms) => ms + offset(ms) === wallMs);
  return shown.length > 0 ? shown : both;
}

/** How far the clocks of the zone are ahead of UTC at an instant. */
function offsetsOf(zone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
    const shown = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    return shown - ms;
  };
}

/** `by` = whose file it is. */
export function compileFreezes(
  freezes: readonly WrittenFreeze[] = [],
  by: AppliedRule['from'],
): FreezePlan[] {
  return freezes.flatMap((written) => {
    const instants = instantsOf(written);
    if (instants === null) return [];
    const { from, to, zone = 'UTC', reason = null } = written;
    return [
      {
        from: new Date(instants.fromMs).toISOString(),
        until: new Date(instants.untilMs).toISOString(),
        text: `${from} to ${to} ${zone}`,
        reason,
        by,
      },
    ];
  });
}

/** All of both; what both have is there once. */
export function mergeFreezes(inFile: readonly FreezePlan[], inPolicy: readonly FreezePlan[]): FreezePlan[] {
  const isSame = (a: FreezePlan, b: FreezePlan): boolean => a.from === b.from && a.until === b.until;
  const own = inFile.map((freeze) =>
    freeze.by === 'pipeline file' && inPolicy.some((other) => isSame(freeze, other))
      ? { ...freeze, by: 'both' as const }
      : freeze,
  );
  return [...own, ...inPolicy.filter((freeze) => !inFile.some((other) => isSame(freeze, other)))];
}

/** The freeze of this moment, and when it is over: one that begins before another ends goes on with it. null = none. */
export function findFreeze(
  freezes: readonly FreezePlan[],
  nowMs: number,
): { freeze: FreezePlan; untilMs: number } | null {
  const holds = ({ from, until }: FreezePlan, ms: number): boolean =>
    Date.parse(from) <= ms && ms < Date.parse(until);
  const freeze = freezes.find((each) => holds(each, nowMs));
  if (freeze === undefined) return null;
  let untilMs = nowMs;
  for (;;) {
    const open = freezes.filter((each) => holds(each, untilMs));
    if (open.length === 0) return { freeze, untilMs };
    untilMs = Math.max(...open.map(({ until }) => Date.parse(until)));
  }
}

/** `2026-12-24 to 2027-01-02 Europe/Berlin (holidays), by the policy`. */
export function describeFreeze({ text, reason, by }: FreezePlan): string {
  const why = reason === null ? '' : ` (${reason})`;
  return `${text}${why}, by ${by === 'both' ? 'both' : `the ${by}`}`;
}
