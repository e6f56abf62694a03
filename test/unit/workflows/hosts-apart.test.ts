import { describe, expect, it } from 'vitest';
import { newEnvironment } from '../../../workflows/environment-memory.js';
import { nextMove } from '../../../workflows/environment-queue.js';
import { renderEnvironment } from '../../../workflows/environment-screen.js';
import { apartAfter, readmission } from '../../../workflows/hosts-apart.js';
import type { EnvironmentState, HostWaiting } from '../../../workflows/messages.js';
import type { ChangeResult, HostApart } from '../../../workflows/result.js';
import { givenPlan, givenRecord, givenRequest } from '../../support/given.js';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const after = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString();
const SINCE = new Date(NOW).toISOString();
const plan = givenPlan();
const live = givenRecord(plan, 'v1', null);

function apart(host: string, state: HostApart['state'] = 'quarantined'): HostApart {
  return { host, state, why: 'no answer', since: SINCE };
}

function waiting(host: string, changes: Partial<HostWaiting> = {}): HostWaiting {
  return { ...apart(host), againAt: after(5), tries: 0, ...changes };
}

function resultOf(changes: Partial<ChangeResult> = {}): ChangeResult {
  const steps = [{ name: 'deploy', state: 'succeeded' as const, tookMs: 1, note: null }];
  const ended = { headline: '', state: 'succeeded' as const, clean: true, failure: null };
  return { ...ended, live, warm: null, steps, unwind: [], switchMs: null, backMs: null, ...changes };
}

const deploy = givenRequest(plan, 'v1');
const readmit = { ...givenRequest(plan, 'v1', 'readmit'), hosts: ['web-1'] };

describe('hosts that stand apart', () => {
  it('are tried again in five minutes; those that keep the release before wait for the next', () => {
    const result = resultOf({ apart: [apart('web-1'), apart('web-2', 'before')] });
    expect(apartAfter([], deploy, result, NOW)).toEqual([
      waiting('web-1'),
      { ...apart('web-2', 'before'), againAt: null, tries: 0 },
    ]);
  });

  it('are forgotten by a release that comes to all of them', () => {
    expect(apartAfter([waiting('web-1')], deploy, resultOf(), NOW)).toEqual([]);
  });

  it('stay as they are when a release touched nothing, or was undone', () => {
    const before = [waiting('web-1', { tries: 2 })];
    const refused = resultOf({ state: 'failed', steps: [] });
    expect(apartAfter(before, deploy, refused, NOW)).toEqual(before);
    const undone = resultOf({ state: 'failed', apart: [apart('web-2')] });
    expect(apartAfter(before, deploy, undone, NOW)).toEqual([...before, waiting('web-2')]);
  });

  it('stay when a recovery or a retirement runs between', () => {
    const before = [waiting('web-1')];
    for (const kind of ['recover', 'retire'] as const)
      expect(apartAfter(before, givenRequest(plan, 'v1', kind), resultOf(), NOW)).toEqual(before);
  });

  it('come back one by one, and wait longer each time they do not', () => {
    const before = [waiting('web-1', { tries: 1 }), waiting('web-2')];
    expect(apartAfter(before, readmit, resultOf(), NOW)).toEqual([waiting('web-2')]);
    const failed = resultOf({
      state: 'failed',
      failure: { what: 'disk full', where: '', why: null, wayOut: '' },
    });
    expect(apartAfter(before, readmit, failed, NOW)).toEqual([
      waiting('web-1', { tries: 2, againAt: after(20), why: 'disk full' }),
      waiting('web-2'),
    ]);
    const often = [waiting('web-1', { tries: 50 })];
    expect(apartAfter(often, readmit, failed, NOW)[0]?.againAt).toBe(after(60));
  });

  it("are nobody's once nothing is live", () => {
    expect(
      apartAfter([waiting('web-1')], deploy, resultOf({ live: null, apart: [apart('web-2')] }), NOW),
    ).toEqual([]);
  });
});

describe('the next try', () => {
  const state = (changes: Partial<EnvironmentState> = {}): EnvironmentState => ({
    ...newEnvironment('shop', 'prod'),
    live,
    token: 7,
    apart: [waiting('web-1'), waiting('web-2', { againAt: after(20) }), waiting('web-3', { againAt: null })],
    ...changes,
  });

  it('is waited for, and then brings what is live to those whose time has come', () => {
    expect(nextMove(state(), NOW)).toEqual({ move: 'wait', untilMs: NOW + 5 * 60_000 });
    expect(nextMove(state(), NOW + 5 * 60_000)).toMatchObject({
      move: 'readmit',
      request: {
        kind: 'readmit',
        version: 'v1',
        hosts: ['web-1'],
        requestId: 'readmit-8',
        promotionId: null,
      },
    });
    expect(readmission(state(), NOW + 20 * 60_000)?.hosts).toEqual(['web-1', 'web-2']);
  });

  it('comes after whoever waits, and not while frozen or while a person must look', () => {
    const late = NOW + 60 * 60_000;
    expect(nextMove(state({ queue: [deploy] }), late)).toMatchObject({ move: 'start' });
    const freeze = { by: 'irina', proof: 'unverified' as const, until: null, reason: null, since: SINCE };
    expect(nextMove(state({ freeze }), late)).toEqual({ move: 'wait', untilMs: null });
    expect(nextMove(state({ needsPerson: 'look' }), late)).toEqual({ move: 'wait', untilMs: null });
  });

  it('comes beside what is kept warm, whichever is due first', () => {
    const warm = { record: live, retireAt: after(10) };
    expect(nextMove(state({ warm }), NOW)).toEqual({ move: 'wait', untilMs: NOW + 5 * 60_000 });
    expect(nextMove(state({ warm, apart: [] }), NOW)).toEqual({ move: 'wait', untilMs: NOW + 10 * 60_000 });
    expect(nextMove(state({ warm }), NOW + 11 * 60_000)).toMatchObject({ move: 'retire' });
  });

  it('is on the screen', () => {
    const shown = renderEnvironment(state(), []);
    expect(shown).toContain(
      'apart     web-1: no answer\n          quarantined, again 2026-11-22 10:05 UTC\n',
    );
    expect(shown).toContain('          quarantined, until the next release\n');
  });
});
