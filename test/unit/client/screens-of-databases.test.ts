/** What a person sees while a database goes back, and can do about it. */
import { describe, expect, it } from 'vitest';
import { findNeeds, healthOf } from '../../../client/needs-hands.js';
import { renderFindings } from '../../../client/render/doctor.js';
import { renderProgress } from '../../../client/render/watch.js';
import { renderStatus } from '../../../client/render/status.js';
import { makeStyle } from '../../../client/render/style.js';
import type { EnvironmentStatus, ProgressStatus } from '../../../workflows/messages.js';
import { givenPlan, givenRecord, givenRequest } from '../../support/given.js';
import { givenEnvironment, givenProgress, NOW } from './given-status.js';

const style = makeStyle({ ascii: true, colour: false, columns: 80 });
const plan = givenPlan({ pipeline: 'secretmagic', name: 'prod' });
const live = { ...givenRecord(plan, 'v2', null), at: '2026-11-13T10:00:00Z' };

function nextOf(screen: string): string | undefined {
  return screen
    .split('\n')
    .find((line) => line.includes('next '))
    ?.trim()
    .replace(/^next +/, '');
}

function wayOutOf(screen: string): string | undefined {
  return screen
    .split('\n')
    .find((line) => line.includes('way out '))
    ?.trim()
    .replace(/^way out +/, '');
}

const inFlight = {
  request: givenRequest(plan, 'v1', 'rollback'),
  token: 4,
  cutover: {
    ...{ token: 4, requestId: 'r', previous: live, target: givenRecord(plan, 'v1', null), prior: [] },
    ...{ switching: false, rewinds: 'restore' as const },
  },
};

const parked = givenProgress({
  version: 'v1',
  state: 'waiting',
  waitingFor: 'a person: restore failed',
  steps: [{ name: 'restore', state: 'failed', tookMs: 10, note: 'exited 7' }],
  stopped: 'v2 stopped: 2 containers',
  failure: {
    what: "the database's restore command exited 7",
    where: 'web-1',
    why: 'pg_restore: connecting\npg_restore: no such table',
    wayOut: 'mend it, then slipway retry prod: it is restored again from the beginning',
  },
});

function statusScreen(status: EnvironmentStatus, change: ProgressStatus | null, isOne = true): string {
  const view = { name: 'prod', status, change, promotions: new Map() };
  return renderStatus(style, 'secretmagic', [view], NOW, isOne);
}

it.each(['restore', 'revert', 'verify', 'undo of claim'])(
  'a %s that failed can be tried again, and there is no way back',
  (name) => {
    const steps = [{ name, state: 'failed' as const, tookMs: 10, note: 'exited 7' }];
    const change = givenProgress({ state: 'waiting', waitingFor: `a person: ${name} failed`, steps });
    expect(nextOf(renderProgress(style, change, NOW))).toBe('slipway retry prod');
  },
);

describe('a restore that is parked', () => {
  const status = givenEnvironment({ live, inFlight });

  it('is told by status: what is stopped, the whole output, the way out and what to type', () => {
    expect(statusScreen(status, parked)).toBe(
      [
        'secretmagic                                                          1 needs you',
        '!! prod    v2        1d    XX  >> v1, waits: a person: restore failed',
        '                               v2 stopped: 2 containers',
        "                               what     the database's restore command exited 7",
        '                               where    web-1',
        '                               why      pg_restore: connecting',
        '                                        pg_restore: no such table',
        '                               way out  mend it, then slipway retry prod: it is restored again from the beginning',
        '                               next     slipway retry prod',
        '',
      ].join('\n'),
    );
    expect(healthOf(status, parked)).toBe('needs a person');
  });

  it('without the output among all environments', () => {
    const all = statusScreen(status, parked, false);
    expect(all).toContain('way out  mend it, then slipway retry prod');
    expect(all).not.toContain('pg_restore');
  });

  it('is a problem for doctor, which says it whole', () => {
    const screen = renderFindings(style, findNeeds(status, parked));
    expect(screen).toBe(
      [
        '  prod        XX environment: v1 is in flight and waits for a person: restore failed',
        '                v2 stopped: 2 containers',
        "                the database's restore command exited 7",
        '                pg_restore: connecting',
        '                pg_restore: no such table',
        '                mend it, then slipway retry prod: it is restored again from the beginning',
        '1 problem. A release would wait for a person.',
        '',
      ].join('\n'),
    );
  });

  it('and while it runs what was live is not said to be well', () => {
    const runs = givenProgress({ state: 'running', waitingFor: null, steps: [], stopped: 'v2 stopped: 2' });
    expect(healthOf(status, runs)).toBe('being restored');
    expect(healthOf(status, null)).toBe('being restored');
    expect(statusScreen(status, runs)).toMatch(/v2 +1d +XX/);
    expect(findNeeds(status, runs)).toEqual([]);
    const deploys = givenEnvironment({ live, inFlight: { ...inFlight, cutover: null } });
    expect(healthOf(deploys, runs)).toBe('ok');
  });
});

it('a restore whose change was ended is not sent on by resume: the way out is said where a person is', () => {
  const needsPerson = 'v1: the database was being restored from backup-2 when the change was ended';
  const personsWayOut = 'slipway rollback prod v1 --restore-database restores it again';
  const status = givenEnvironment({ live, needsPerson, personsWayOut });
  const [finding] = findNeeds(status, null);
  expect(finding).toMatchObject({ state: 'problem', message: needsPerson, wayOut: personsWayOut });
  expect(wayOutOf(statusScreen(status, null))).toBe(personsWayOut);
  // of what an older worker wrote down
  const { personsWayOut: _, ...old } = status;
  const looked = 'look at it and mend it, then slipway resume prod';
  expect(findNeeds(old, null)).toMatchObject([{ wayOut: looked }]);
  expect(wayOutOf(statusScreen(old, null))).toBe(looked);
  const queued = givenProgress({ waitingFor: `a person to look first: ${needsPerson}` });
  expect(nextOf(renderProgress(style, queued, NOW))).toBe('slipway status prod   slipway abort prod');
});

describe('an undo that is parked', () => {
  const wayOut = 'correct what it says, then release again';
  const change = givenProgress({
    state: 'waiting',
    waitingFor: 'a person: undo of deploy failed',
    unwind: [{ step: 'deploy', outcome: 'undo-failed', note: 'exited 1', tookMs: 9 }],
    failure: { what: 'exited 1', where: 'web-1', why: 'no space left', wayOut },
  });

  it('has one way out on every screen, also where an older worker says another', () => {
    const status = givenEnvironment({ live, inFlight: { ...inFlight, cutover: null } });
    const screen = statusScreen(status, change);
    expect([wayOutOf(screen), nextOf(screen)]).toEqual([
      'correct what it says, then slipway retry prod',
      'slipway retry prod',
    ]);
    expect(healthOf(status, change)).toBe('needs a person');
    expect(findNeeds(status, change)).toMatchObject([
      { state: 'problem', wayOut: 'correct what it says, then slipway retry prod' },
    ]);
    const watched = renderProgress(style, change, NOW);
    expect(wayOutOf(watched)).toBe('correct what it says, then slipway retry prod');
    expect(nextOf(watched)).toBe('slipway retry prod');
  });

  it('offers nothing while it is tried again', () => {
    const again = givenProgress({ ...change, state: 'running', waitingFor: null });
    expect(nextOf(renderProgress(style, again, NOW))).toBeUndefined();
    const paging = {
      ...again,
      waitingFor: 'a person: undo of deploy does not come through',
      failure: { what: 'verify said no', where: 'prod', why: null, wayOut: 'slipway release v2 --to prod' },
    };
    const status = givenEnvironment({ live, inFlight: { ...inFlight, cutover: null } });
    expect(findNeeds(status, paging)).toMatchObject([
      { state: 'problem', wayOut: 'look why; it is tried again by itself' },
    ]);
    expect(findNeeds(status, { ...paging, trouble: 'tried again: no answer' })).toMatchObject([
      {
        message: expect.stringMatching(/does not come through\ntried again: no answer$/) as string,
        wayOut: 'mend that; it is tried again by itself',
      },
    ]);
  });
});

it('a migration that ran and failed is not said never to have run', () => {
  const failed = givenProgress({
    state: 'failed',
    steps: [{ name: 'database', state: 'failed', tookMs: 40, note: 'exited 1' }],
    unwind: [
      { step: 'database', outcome: 'never-ran', note: 'at r1, as before', tookMs: 12 },
      { step: 'switch', outcome: 'never-ran', note: null, tookMs: null },
    ],
  });
  const screen = renderProgress(style, failed, NOW);
  expect(screen).toContain('FAILED in database, nothing to undo');
  expect(screen).toMatch(/undone +\.\. database +at r1, as before/);
  expect(screen).toMatch(/\.\. switch +never ran/);
  expect(renderProgress(style, { ...failed, unwind: failed.unwind.slice(1) }, NOW)).toContain(
    'FAILED in database, nothing was touched',
  );
});

it('doctor names the hosts that stand apart, and how they come back', () => {
  const since = '2026-11-14T10:00:00Z';
  const again = { againAt: '2026-11-14T10:50:00Z', tries: 2 };
  const web7 = { host: 'web-7', state: 'quarantined' as const, why: 'no answer', since, ...again };
  const web9 = { ...web7, host: 'web-9', state: 'before' as const, why: 'disk full', againAt: null };
  const status = givenEnvironment({ live, apart: [web7, web9] });
  const told = findNeeds(status, null);
  expect(told).toEqual([
    {
      ...{ where: 'prod', thing: 'environment', state: 'warning' },
      message: 'web-7 quarantined, again 14 Nov 10:50 UTC: no answer',
      wayOut:
        'mend it, then slipway retry prod --host web-7; slipway skip-host prod web-7 leaves it out until the next release',
    },
    {
      ...{ where: 'prod', thing: 'environment', state: 'warning' },
      message: 'web-9 keeps the release before, until the next release: disk full',
      wayOut: 'the next release comes to it: slipway release VERSION --to prod',
    },
  ]);
  expect(renderFindings(style, told)).toContain('2 warnings. A release would go on.');
  const wayOut = (more: Partial<EnvironmentStatus>): string | null | undefined =>
    findNeeds({ ...status, apart: [web7], ...more }, null).at(-1)?.wayOut;
  expect(wayOut({ inFlight })).toBe('mend it; once nothing is in flight: slipway retry prod --host web-7');
  expect(wayOut({ needsPerson: 'look' })).toContain('once a person has looked');
});
