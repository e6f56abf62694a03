import { describe, expect, it } from 'vitest';
import { newEnvironment } from '../../../workflows/environment-memory.js';
import { applyDecision, nextMove } from '../../../workflows/environment-queue.js';
import { renderEnvironment } from '../../../workflows/environment-screen.js';
import { decide, type EnvironmentDeciding } from '../../../workflows/decisions.js';
import { apartAfter, arrivingOf, readmission } from '../../../workflows/hosts-apart.js';
import type { EnvironmentState, HostWaiting } from '../../../workflows/messages.js';
import type { ChangeResult, HostApart } from '../../../workflows/result.js';
import { givenDecision, givenPlan, givenRecord, givenRequest } from '../../support/given.js';

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

  it('are not tried again by themselves where a person has left them out', () => {
    const skipped = { ...apart('web-1'), why: 'skipped by anna: new disk', skippedBy: 'anna' };
    const [only] = apartAfter([], deploy, resultOf({ apart: [skipped] }), NOW);
    expect(only).toEqual(waiting('web-1', { againAt: null, why: 'skipped by anna: new disk' }));
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

  it.each([
    ['web-1: is down', null, ['web-1'], 'is down'],
    ['web-1: deploy exited 4; twice', 'PLAY\ndisk full\n', ['web-1'], 'deploy exited 4; twice: disk full'],
    ['web-2: is down; web-1: disk full', 'of web-2', ['web-1', 'web-2'], 'disk full'],
    ['nobody answers', 'nobody answers', ['web-1'], 'nobody answers'],
  ])('say of `%s` what is theirs', (what, why, hosts, said) => {
    const failure = { what, why, where: 'prod', wayOut: 'look' };
    const before = hosts.map((host) => waiting(host));
    const [first] = apartAfter(before, { ...readmit, hosts }, resultOf({ state: 'failed', failure }), NOW);
    expect(first).toMatchObject({ host: 'web-1', why: said, tries: 1 });
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
    expect(shown).toContain('- try the hosts in quarantine now: `slipway retry prod`');
  });
});

describe("a person's word about a host that stands apart", () => {
  const state: EnvironmentState = {
    ...newEnvironment('shop', 'prod'),
    live,
    token: 7,
    apart: [
      waiting('web-1'),
      waiting('web-2', { againAt: null }),
      { ...apart('web-3', 'before'), againAt: null, tries: 0 },
    ],
  };
  const say = (
    name: 'retryStep' | 'skipHost',
    host: string | null,
    now: EnvironmentState = state,
  ): string | EnvironmentState => {
    const deciding: EnvironmentDeciding = {
      ...{ of: 'environment', environment: 'prod', taken: [], freezers: null, now: SINCE },
      ...{ freeze: now.freeze, needsPerson: now.needsPerson },
      hosts: { apart: now.apart ?? [], arriving: arrivingOf(now) },
    };
    const decision = { ...givenDecision('anna', { host }), name };
    const verdict = decide(deciding, decision);
    return verdict.accepted ? applyDecision(now, decision, SINCE) : verdict.refused;
  };

  it('has it tried now, or all in quarantine', () => {
    const one = say('retryStep', 'web-2');
    expect(one).toMatchObject({ apart: [{ againAt: after(5) }, { againAt: SINCE, wordOf: 'anna' }, {}] });
    expect(nextMove(one as EnvironmentState, NOW)).toMatchObject({
      move: 'readmit',
      request: { hosts: ['web-2'], reason: 'tried again, as anna asked: web-2' },
    });
    const all = say('retryStep', null);
    expect(nextMove(all as EnvironmentState, NOW)).toMatchObject({ request: { hosts: ['web-1', 'web-2'] } });
    expect(renderEnvironment(all as EnvironmentState, [])).toContain(
      'quarantined, again 2026-11-22 10:00 UTC, says anna',
    );
  });

  it('leaves it out until the next release, also when it is being tried', () => {
    const left = say('skipHost', 'web-1') as EnvironmentState;
    expect(nextMove(left, NOW + 3_600_000)).toEqual({ move: 'wait', untilMs: null });
    const failed = resultOf({ state: 'failed', apart: [apart('web-1')] });
    expect(apartAfter(left.apart ?? [], readmit, failed, NOW)[0]).toMatchObject({ againAt: null });
    expect(apartAfter(left.apart ?? [], readmit, resultOf(), NOW).map(({ host }) => host)).toEqual([
      'web-2',
      'web-3',
    ]);
  });

  const freeze = { by: 'irina', proof: 'unverified' as const, until: null, reason: null, since: SINCE };
  const inFlight = { request: givenRequest(plan, 'v9'), token: 8, cutover: null };
  const { hosts: _, ...trying } = readmit;
  it.each([
    ['retryStep', 'web-9', {}, /web-9 does not stand apart from prod; hosts that do: web-1, web-2, web-3/],
    ['retryStep', 'web-3', {}, /web-3 keeps the release before until the next one; slipway release/],
    ['retryStep', null, { apart: state.apart?.slice(2) }, /keeps the release before/],
    ['retryStep', 'web-1', { freeze }, /frozen by irina, nothing enters; slipway unfreeze prod/],
    [
      'retryStep',
      'web-1',
      { needsPerson: 'undo failed' },
      /a person must look first: undo failed; slipway resume/,
    ],
    ['retryStep', 'web-1', { inFlight }, /v9 is on its way to every host of prod; slipway watch prod/],
    ['skipHost', null, {}, /which host\? .*; in quarantine: web-1, web-2/],
    ['skipHost', 'web-2', {}, /left out until the next release already; slipway retry prod --host web-2/],
    ['skipHost', 'web-1', { inFlight }, /v9 is on its way/],
  ] as const)('%s of %s is refused with a way out: %j', (name, host, changes, why) => {
    expect(say(name, host, { ...state, ...changes } as EnvironmentState)).toMatch(why);
  });

  it('counts while another host is tried', () => {
    const now = { ...state, inFlight: { ...inFlight, request: { ...trying, hosts: ['web-1'] } } };
    expect(say('retryStep', 'web-2', now)).toMatchObject({ apart: [{}, { againAt: SINCE }, {}] });
  });
});
