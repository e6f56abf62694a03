/** When a window opens next, in the time zone the team named. Pure; workflows may not ask for time zones. */
import type { Activities, WindowPlan } from '../../workflows/activity-contract.js';
import { badInput } from '../failure.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const MINUTE_MS = 60_000;
/** Every weekday comes by, also over a change of the clocks. */
const HORIZON_MINUTES = 8 * 24 * 60;

export function createNextOpening(): Activities['nextOpening'] {
  return ({ window }) => Promise.resolve({ opensAt: findOpening(window, Date.now()) });
}

interface Clock {
  /** 0 = Monday. */
  day: number;
  /** Minutes since midnight. */
  minute: number;
}

/**
 * ISO time of the next opening, null while it is open. `days` is `Mon-Thu`, `Mon,Wed` or `Fri-Mon`; `hours` is
 * `09:00-17:00`, the end not included, `22:00-06:00` over midnight belongs to the day it began, and
 * `09:00-09:00` is a whole day from nine on. Throws BadInput.
 */
export function findOpening(window: WindowPlan, nowMs: number): string | null {
  const isOpen = readWindow(window);
  const read = clockIn(window);
  if (isOpen(read(nowMs))) return null;
  const firstMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  for (let minute = 1; minute <= HORIZON_MINUTES; minute += 1) {
    const atMs = firstMs + minute * MINUTE_MS;
    if (isOpen(read(atMs))) return new Date(atMs).toISOString();
  }
  throw malformed(window, 'it never opens');
}

function readWindow(window: WindowPlan): (clock: Clock) => boolean {
  const days = readDays(window);
  const [from, to] = readHours(window);
  return ({ day, minute }) => {
    const yesterday = (day + 6) % 7;
    if (from < to) return days.has(day) && minute >= from && minute < to;
    return (days.has(day) && minute >= from) || (days.has(yesterday) && minute < to);
  };
}

function readDays(window: WindowPlan): Set<number> {
  const days = new Set<number>();
  for (const part of window.days.split(',')) {
    const ends = part.split('-').map((name) => DAYS.indexOf(name.trim().slice(0, 3).toLowerCase()));
    const [first = -1, last = first] = ends;
    if (first < 0 || last < 0 || ends.length > 2)
      throw malformed(window, `${part.trim()} is no day; write Mon-Fri`);
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return days;
}

function readHours(window: WindowPlan): [number, number] {
  const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(window.hours.trim());
  const [fromHour = 99, fromMinute = 99, toHour = 99, toMinute = 99] = (match ?? []).slice(1).map(Number);
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  const whole = fromMinute < 60 && toMinute < 60 && from < 24 * 60 && to <= 24 * 60;
  if (!whole) throw malformed(window, `${window.hours} are no hours; write 09:00-17:00`);
  return [from, to];
}

function clockIn(window: WindowPlan): (atMs: number) => Clock {
  const format = makeFormat(window);
  return (atMs) => {
    const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    return {
      day: DAYS.indexOf((parts.get('weekday') ?? '').toLowerCase()),
      minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
    };
  };
}

function makeFormat(window: WindowPlan): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone: window.zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  } catch {
    throw malformed(window, `${window.zone} is no time zone; write one like Europe/Moscow`);
  }
}

function malformed(window: WindowPlan, what: string): Error {
  return badInput({
    what: `the window cannot be kept: ${what}`,
    where: `window: {days: ${window.days}, hours: ${window.hours}, zone: ${window.zone}}`,
    why: null,
    wayOut: 'mend the window in slipway.yaml and release again',
  });
}
