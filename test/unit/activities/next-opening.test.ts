import { describe, expect, it } from 'vitest';
import { findOpening } from '../../../activities/environment/next-opening.js';
import type { WindowPlan } from '../../../workflows/activity-contract.js';

const moscow: WindowPlan = { days: 'Mon-Thu', hours: '09:00-17:00', zone: 'Europe/Moscow' };
const at = (window: WindowPlan, now: string): string | null => findOpening(window, Date.parse(now));

describe('the next opening of a window', () => {
  it.each([
    ['open: Thursday 16:59 in Moscow', moscow, '2026-11-19T13:59:59Z', null],
    ['the end is not included', moscow, '2026-11-19T14:00:00Z', '2026-11-23T06:00:00.000Z'],
    ['in the morning of the same day', moscow, '2026-11-23T05:30:10Z', '2026-11-23T06:00:00.000Z'],
    ['a list of days', { ...moscow, days: 'Mon,Wed' }, '2026-11-24T08:00:00Z', '2026-11-25T06:00:00.000Z'],
    ['days over the week’s end', { ...moscow, days: 'Fri-Mon' }, '2026-11-22T08:00:00Z', null],
    [
      'hours over midnight belong to the day they began',
      { days: 'Fri', hours: '22:00-06:00', zone: 'UTC' },
      '2026-11-21T05:59:00Z',
      null,
    ],
    [
      'and end with it',
      { days: 'Fri', hours: '22:00-06:00', zone: 'UTC' },
      '2026-11-21T06:00:00Z',
      '2026-11-27T22:00:00.000Z',
    ],
    [
      'the hour that the clocks leave out',
      { days: 'Sun', hours: '02:30-04:00', zone: 'Europe/Berlin' },
      '2026-03-29T00:00:00Z',
      '2026-03-29T01:00:00.000Z',
    ],
  ])('%s', (_name, window, now, expected) => {
    expect(at(window, now)).toBe(expected);
  });

  it.each([
    [{ ...moscow, days: 'Mon-Foo' }, 'Mon-Foo is no day'],
    [{ ...moscow, hours: '9-17' }, '9-17 are no hours'],
    [{ ...moscow, zone: 'Mars/Base' }, 'Mars/Base is no time zone'],
  ])('refuses %j and says how to write it', (window, message) => {
    expect(() => at(window, '2026-11-21T00:00:00Z')).toThrow(message);
  });
});
