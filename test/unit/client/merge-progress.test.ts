/** One picture of a promotion and of what knows more about it: its environment while it queues, its change while that runs. */
import { describe, expect, it } from 'vitest';
import { withChange, withQueue, withResult } from '../../../client/merge-progress.js';
import type { Announcement, Freeze, ProgressStatus } from '../../../workflows/messages.js';
import type { ChangeResult, StepState, TakenDecision } from '../../../workflows/result.js';
import { givenPlan, givenRequest } from '../../support/given.js';
import { givenEnvironment, givenProgress } from './given-status.js';

const step = (state: StepState) => [{ name: 'change', state, tookMs: null, note: 'in the queue of prod' }];
const approving = { requestId: 'r1', mustSign: false, expiresMs: 1 };
const queued = givenProgress({ state: 'running', steps: step('waiting'), approving });
const freeze: Freeze = {
  ...{ by: 'irina', proof: 'ssh', until: null, reason: null, since: '2026-11-14T08:00:00Z' },
};
const own: Announcement = {
  ...{ requestId: 'r1', workflowId: 'p', phase: 'queued', version: 'v1.4.0', commit: 'c', supersedes: [] },
  ...{ waitingFor: null, since: '2026-11-14T10:00:00Z', queue: 'fifo' },
};

describe('a promotion in the queue', () => {
  it('waits for the end of a freeze: whose, until when, why, since both were there', () => {
    const seen = withQueue(queued, givenEnvironment({ freeze, announced: [own] }));
    expect(seen).toMatchObject({
      state: 'waiting',
      waitingFor: 'the end of a freeze by irina (signed), until it is lifted',
      waitingSince: own.since,
      waitEnds: null,
    });
    const until = '2026-12-01T09:00:00Z';
    const later = {
      ...freeze,
      until,
      reason: 'holidays',
      isReasonSigned: true,
      since: '2026-11-14T11:00:00Z',
    };
    expect(withQueue(queued, givenEnvironment({ freeze: later, announced: [own] }))).toMatchObject({
      waitingFor: 'the end of a freeze by irina (signed), until 1 Dec 09:00 UTC: holidays',
      waitingSince: later.since,
      waitEnds: { at: until, then: 'opens' },
    });
  });

  it('does not show a reason as signed that was not', () => {
    const old = { ...freeze, reason: 'holidays' };
    expect(withQueue(queued, givenEnvironment({ freeze: old })).waitingFor).toBe(
      'the end of a freeze by irina (signed, but not its reason), until it is lifted: holidays',
    );
  });

  it('waits for a person where an unwind left something', () => {
    const needsPerson = 'undo of deploy failed';
    expect(withQueue(queued, givenEnvironment({ freeze, needsPerson })).waitingFor).toBe(
      'a person to look first: undo of deploy failed',
    );
  });

  it.each([
    ['nothing keeps it out', queued, givenEnvironment()],
    ['another change is in the lane', queued, givenEnvironment({ freeze, inFlight: inLane() })],
    ['it has entered', givenProgress({ steps: step('running') }), givenEnvironment({ freeze })],
    ['it is at its approvals', givenProgress({ steps: step('pending') }), givenEnvironment({ freeze })],
    ['nobody knows the environment', queued, null],
  ])('is as it says where %s', (_where, promotion, environment) => {
    expect(withQueue(promotion, environment)).toBe(promotion);
  });
});

function inLane() {
  return { request: givenRequest(givenPlan(), 'v1.3.9'), token: 1, cutover: null };
}

it('what did not count before the change and in it is told together', () => {
  const denial = (decision: string) => ({ by: 'oleg', why: 'no', decisionId: decision, decision });
  const promotion = givenProgress({ denials: [denial('approval')] });
  const { denials } = withChange(promotion, givenProgress({ denials: [denial('switch')] }));
  expect(denials?.map(({ decision }) => decision)).toEqual(['approval', 'switch']);
});

it('what was decided before the change and in it is told together, an abort that went on to the change once', () => {
  const taken = (decisionId: string): TakenDecision => ({
    ...{ decision: 'abort', by: 'oleg', proof: 'unverified', reason: null, decisionId },
    at: '2026-11-14T10:00:00Z',
  });
  const promotion = givenProgress({ decisions: [taken('pause'), taken('abort')] });
  const decisions = [taken('abort'), taken('switch')];
  const ids = ({ decisions: all }: ProgressStatus) => all?.map(({ decisionId }) => decisionId);
  expect(ids(withChange(promotion, givenProgress({ decisions })))).toEqual(['pause', 'abort', 'switch']);

  const denial = { by: 'eve', why: 'no', decisionId: 'd', decision: 'switch' };
  const change: ChangeResult = {
    ...{ headline: '', state: 'aborted', clean: true, live: null, warm: null, steps: [], unwind: [] },
    ...{ failure: null, switchMs: null, backMs: null, said: { decisions, denials: [denial] } },
  };
  const { state, headline, clean, failure } = change;
  const result = { state, headline, clean, failure, environment: 'prod', refused: false, evidence: [] };
  const ended = withResult(promotion, { ...result, change });
  expect(ids(ended)).toEqual(['pause', 'abort', 'switch']);
  expect(ended.denials).toEqual([denial]);
  // of an older worker
  const { said: _, ...older } = change;
  expect(ids(withResult(promotion, { ...result, change: older }))).toEqual(['pause', 'abort']);
});
