import { describe, expect, it } from 'vitest';
import {
  findAnyInFlight,
  findHolding,
  nameHost,
  findLane,
  findPaused,
  findWaitingPromotion,
} from '../../../client/targets.js';
import { UserError } from '../../../client/user-error.js';
import type { Announcement } from '../../../workflows/messages.js';
import { givenPlan, givenRecord, givenRequest } from '../../support/given.js';
import { givenEnvironment } from './given-status.js';

const plan = givenPlan({ pipeline: 'secretmagic', name: 'prod' });

function announced(version: string, phase: Announcement['phase'] = 'waiting'): Announcement {
  return {
    requestId: version,
    workflowId: `promotion/secretmagic/prod/${version}`,
    phase,
    version,
    commit: 'c',
    supersedes: [],
    waitingFor: '1 approval',
    since: '2026-11-14T10:00:00Z',
    queue: 'newest',
  };
}

function inFlight(version: string, promotionId: string | null = null) {
  return { request: givenRequest(plan, version, 'deploy', { promotionId }), token: 4, cutover: null };
}

function refusal(act: () => unknown): { exit: number; what: string; wayOut: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return { exit: error.exit, what: error.what, wayOut: error.wayOut };
    throw error;
  }
  throw new Error('was not refused');
}

describe('a host in quarantine', () => {
  const since = '2026-11-14T10:00:00Z';
  const apart = [
    { host: 'web-7', state: 'quarantined' as const, why: 'no answer', since, againAt: since, tries: 0 },
    { host: 'web-9', state: 'before' as const, why: 'disk full', since, againAt: null, tries: 0 },
  ];

  it('is decided about by the environment while no change is in flight', () => {
    const status = givenEnvironment({ apart });
    const there = { kind: 'environment', workflowId: 'environment/secretmagic/prod' };
    expect(findHolding(status, null, null)).toMatchObject(there);
    expect(findHolding(status, null, 'web-7')).toMatchObject(there);
    expect(findHolding(status, null, 'web-9')).toMatchObject(there);
    expect(refusal(() => findHolding(status, 'v2', null)).what).toBe('no change of v2 is in flight');
  });

  it.each([
    ['deploy@10.0.0.7:22', 'deploy@10.0.0.7:22'],
    ['10.0.0.7', 'deploy@10.0.0.7:22'],
    ['10.0.0.8', '10.0.0.8'],
    ['10.0.0.9', '10.0.0.9'],
  ])('takes %s for %s', (typed, name) => {
    const names = ['deploy@10.0.0.7:22', 'a@10.0.0.8', 'b@10.0.0.8'];
    const [first] = apart;
    if (first === undefined) throw new Error('nobody stands apart');
    const status = givenEnvironment({ apart: names.map((host) => ({ ...first, host })) });
    expect(nameHost(status, typed)).toBe(name);
  });

  it('leaves the word to a change in flight', () => {
    const status = givenEnvironment({ apart, inFlight: inFlight('v1') });
    expect(findHolding(status, null, 'web-7')).toMatchObject({ kind: 'lane' });
  });
});

describe('what an environment means', () => {
  it('approve means the promotion that waits', () => {
    const status = givenEnvironment({
      announced: [announced('v2'), announced('v1', 'ended'), announced('v3', 'queued')],
    });
    expect(findWaitingPromotion(status, null, 'approve')).toEqual({
      kind: 'promotion',
      workflowId: 'promotion/secretmagic/prod/v2',
      version: 'v2',
      requestId: 'v2',
    });
  });

  it('names a command that is safe to type, whatever a version is called', () => {
    const status = givenEnvironment({ announced: [announced('$(reboot)'), announced('v1')] });
    expect(refusal(() => findWaitingPromotion(status, null, 'approve'))).toMatchObject({
      wayOut: "say which: slipway approve prod --version '$(reboot)', or --version v1",
    });
  });

  it('asks which when two wait, and takes --version', () => {
    const status = givenEnvironment({ announced: [announced('v2'), announced('v1')] });
    expect(refusal(() => findWaitingPromotion(status, null, 'approve'))).toEqual({
      exit: 2,
      what: '2 are in flight: v2, v1',
      wayOut: 'say which: slipway approve prod --version v2, or --version v1',
    });
    expect(findWaitingPromotion(status, 'v1', 'approve').version).toBe('v1');
  });

  it('names two of one version by what --version takes', () => {
    const again = { ...announced('v2'), requestId: 'v2-9c', workflowId: 'promotion/secretmagic/prod/v2-9c' };
    const status = givenEnvironment({
      announced: [announced('v1'), { ...announced('v2'), requestId: 'v2-3f' }, again],
    });
    const since = 'waiting since 14 Nov 10:00 UTC';
    expect(refusal(() => findWaitingPromotion(status, null, 'approve')).what).toBe(
      `3 are in flight: v1, v2-3f (${since}), v2-9c (${since})`,
    );
    expect(refusal(() => findAnyInFlight(status, 'v2', 'abort'))).toEqual({
      exit: 2,
      what: `2 are in flight: v2-3f (${since}), v2-9c (${since})`,
      wayOut: 'say which: slipway abort prod --version v2-3f, or --version v2-9c',
    });
    expect(findWaitingPromotion(status, 'v2-9c', 'approve').workflowId).toBe(again.workflowId);
    // anybody can announce a name; what is copied into a shell is none that does something there
    const hostile = givenEnvironment({ announced: [{ ...again, requestId: '$(reboot)' }, again] });
    expect(refusal(() => findWaitingPromotion(hostile, null, 'approve')).wayOut).toBe(
      `say which: slipway approve prod --version '$(reboot)', or --version v2-9c`,
    );
    const lane = inFlight('v2');
    const { requestId } = lane.request;
    const inLane = givenEnvironment({ inFlight: lane, announced: [again] });
    expect(refusal(() => findAnyInFlight(inLane, null, 'pause')).what).toBe(
      `2 are in flight: ${requestId} (in the lane), v2-9c (${since})`,
    );
    expect(findAnyInFlight(inLane, requestId, 'pause').kind).toBe('lane');
  });

  it('refuses, touching nothing, when nothing waits', () => {
    const status = givenEnvironment({ inFlight: inFlight('v1') });
    expect(refusal(() => findWaitingPromotion(status, null, 'reject'))).toMatchObject({
      exit: 5,
      what: 'nothing waits for a decision',
    });
    expect(refusal(() => findWaitingPromotion(status, 'v9', 'reject'))).toMatchObject({
      exit: 5,
      what: 'nothing of v9 waits for a decision',
    });
  });

  it('switch means the lane, and only the version that holds it', () => {
    const status = givenEnvironment({ inFlight: inFlight('v1') });
    expect(findLane(status, null).workflowId).toBe('lane/secretmagic/prod');
    expect(refusal(() => findLane(status, 'v2'))).toMatchObject({
      exit: 5,
      what: 'no change of v2 is in flight',
    });
    expect(refusal(() => findLane(givenEnvironment(), null))).toMatchObject({ exit: 5 });
  });

  it('abort means the lane, whose own promotion does not count twice', () => {
    const own = announced('v1', 'queued');
    const status = givenEnvironment({ inFlight: inFlight('v1', own.workflowId), announced: [own] });
    expect(findAnyInFlight(status, null, 'abort')).toMatchObject({ kind: 'lane', version: 'v1' });
  });

  it.each(['abort', 'pause', 'watch'])(
    '%s means the lane also where only its release announced it',
    (verb) => {
      const lane = inFlight('v1', 'promotion/secretmagic/prod/v1-3f');
      const { requestId } = lane.request;
      // what waits for nothing does not announce itself: the word of its release stays
      const own = { ...announced('v1', 'queued'), requestId, workflowId: 'release/secretmagic/v1' };
      const status = givenEnvironment({ inFlight: lane, announced: [own] });
      for (const version of [null, 'v1', requestId])
        expect(findAnyInFlight(status, version, verb)).toMatchObject({ kind: 'lane', version: 'v1' });
      expect(findPaused(status, null)).toMatchObject({ kind: 'lane' });
      const beside = givenEnvironment({ inFlight: lane, announced: [own, announced('v2')] });
      expect(refusal(() => findAnyInFlight(beside, null, verb)).what).toBe('2 are in flight: v1, v2');
      expect(refusal(() => findLane(beside, 'v2')).what).toBe('no change of v2 is in flight');
    },
  );

  it.each([['release/secretmagic/v2'], [null]])(
    'of what stands in the queue the promotion is meant, though %s announced it',
    (workflowId) => {
      const promotionId = 'promotion/secretmagic/prod/v2-3f';
      const queued = givenRequest(plan, 'v2', 'deploy', { promotionId });
      const { requestId } = queued;
      const own = workflowId === null ? [] : [{ ...announced('v2', 'queued'), requestId, workflowId }];
      const target = { kind: 'promotion', workflowId: promotionId, version: 'v2', requestId };
      const alone = givenEnvironment({ queue: [queued], announced: own });
      expect(findAnyInFlight(alone, null, 'abort')).toEqual(target);
      const behind = givenEnvironment({ inFlight: inFlight('v1'), queue: [queued], announced: own });
      expect(findAnyInFlight(behind, 'v2', 'abort')).toEqual(target);
      expect(findAnyInFlight(behind, requestId, 'pause')).toEqual(target);
      expect(refusal(() => findAnyInFlight(behind, null, 'abort')).what).toBe('2 are in flight: v1, v2');
    },
  );

  it('abort asks which when one is in the lane and another waits', () => {
    const status = givenEnvironment({ inFlight: inFlight('v1'), announced: [announced('v2')] });
    expect(refusal(() => findAnyInFlight(status, null, 'abort'))).toMatchObject({ exit: 2 });
    expect(findAnyInFlight(status, 'v2', 'abort')).toMatchObject({ kind: 'promotion', version: 'v2' });
    expect(findAnyInFlight(status, 'v1', 'abort')).toMatchObject({ kind: 'lane', version: 'v1' });
  });

  it('resume means the environment once a person has to look', () => {
    const status = givenEnvironment({
      needsPerson: 'undo of deploy failed',
      live: givenRecord(plan, 'v1', 'blue'),
    });
    expect(findPaused(status, null)).toEqual({
      kind: 'environment',
      workflowId: 'environment/secretmagic/prod',
      version: 'v1',
      requestId: '',
    });
  });
});
