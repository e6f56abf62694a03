/** What people decided goes with the change and with what it made live: short, and few of it. */
import { describe, expect, it } from 'vitest';
import { showUnsigned } from '../../../workflows/environment-decisions.js';
import { end } from '../../../workflows/environment-end.js';
import { receiveRequest } from '../../../workflows/environment-queue.js';
import { renderEnvironment } from '../../../workflows/environment-screen.js';
import { describeAllTaken, describeTaken, takenOf, withTaken } from '../../../workflows/taken-decisions.js';
import type { EnvironmentState } from '../../../workflows/messages.js';
import type { Denial, Said, TakenDecision } from '../../../workflows/result.js';
import { givenDecision, givenPlan, givenRequest } from '../../support/given.js';
import {
  ask,
  AT,
  deploy,
  finished,
  havingReleased,
  NOW,
  resultOf,
  rollback,
  started,
} from '../../support/queue-scene.js';

const taken = takenOf({ ...givenDecision('irina', { reason: 'it is well' }), name: 'switchTraffic' }, AT);
const denial: Denial = { by: 'oleg', why: 'is in no group', decisionId: 'd', decision: 'switch', at: AT };
const said: Said = { decisions: [taken], denials: [denial] };

function endedWith(state: EnvironmentState, how: 'succeeded' | 'aborted', more: Partial<{ said: Said }>) {
  return end(state, { result: resultOf(state, how, more), diedUnder: null, nowMs: NOW }).state;
}

describe('what people decided', () => {
  it('is kept as the newest twenty, each a line', () => {
    let all: TakenDecision[] = [];
    for (let turn = 0; turn < 30; turn += 1)
      all = withTaken(all, {
        ...{ ...taken, decisionId: String(turn), by: 'x'.repeat(9000) },
        ...{ decision: 'x'.repeat(9000), reason: 'a\n'.repeat(9000) },
      });
    expect(all.map(({ decisionId }) => decisionId)).toEqual(
      Array.from({ length: 20 }, (_, turn) => String(turn + 10)),
    );
    for (const { by, decision, reason } of all)
      expect([by.length, decision.length, reason?.length, reason?.includes('\n')]).toEqual([
        100,
        100,
        400,
        false,
      ]);
    expect(describeAllTaken(all)).toHaveLength(6);
    expect(describeAllTaken(all)[0]).toBe('15 earlier decisions');
  });

  it('is called what people type, with who, how it is known, and why', () => {
    const signed = { ...taken, proof: 'ssh' as const, isReasonSigned: true as const };
    expect(describeTaken(signed)).toBe('switch by irina (signed): it is well');
    expect(describeTaken({ ...taken, proof: 'ssh' })).toBe(
      'switch by irina (signed, but not its reason): it is well',
    );
    expect(describeTaken({ ...taken, reason: null })).toBe('switch by irina (identity: unverified)');
    const [blank] = withTaken([], { ...taken, reason: ' ' });
    expect(blank?.reason).toBeNull();
    const skip = takenOf({ ...givenDecision('irina', { host: 'web-2' }), name: 'skipHost' }, AT);
    expect(describeTaken(skip)).toBe('skip-host web-2 by irina (identity: unverified)');
  });
});

describe('what was said to a change', () => {
  const first = endedWith(started(ask(havingReleased(1), deploy(2)).state), 'succeeded', { said });

  it('is told of what it made live, until something else is', () => {
    expect(first.said).toEqual(said);
    const report = renderEnvironment(first, []);
    expect(report).toContain('live: switch by irina (identity: unverified): it is well');
    expect(report).toContain('not counted: switch by oleg: is in no group');
    const undone = endedWith(started(ask(first, deploy(3)).state), 'aborted', {});
    expect([undone.live?.version, undone.said]).toEqual(['v2', said]);
    // of an older worker, or nothing was said
    expect(finished(started(ask(first, deploy(3)).state)).said).toBeUndefined();
  });

  it('is kept with its result, which does not grow for it', () => {
    expect(first.processed[0]?.result.said).toEqual({ decisions: [taken], denials: [] });
    let state = first;
    for (let number = 3; number < 23; number += 1)
      state = finished(started(ask(state, deploy(number)).state));
    const old = state.processed.find(({ requestId }) => requestId === 'request-2');
    expect(old?.result).toMatchObject({ state: 'succeeded', steps: [] });
    expect(old?.result).not.toHaveProperty('said');
  });

  it('leaves room for all else that an environment remembers, whatever people said', () => {
    let decisions: TakenDecision[] = [];
    for (let turn = 0; turn < 20; turn += 1) {
      const long = '界'.repeat(9000);
      decisions = withTaken(decisions, { ...taken, by: long, reason: long, decisionId: `${turn}${long}` });
    }
    let state = first;
    for (let number = 3; number < 25; number += 1)
      state = endedWith(started(ask(state, deploy(number)).state), 'succeeded', {
        said: { decisions, denials: [denial] },
      });
    expect(state.said?.decisions).toHaveLength(20);
    // of the 2 MB that go through continue-as-new
    expect(Buffer.byteLength(JSON.stringify(state.processed))).toBeLessThan(400_000);
  });

  it.each([undefined, 7, {}])('asked for with the reason %s, which is none, is told without', (reason) => {
    const request = givenRequest(givenPlan(), 'v1', 'rollback');
    const odd = { ...request, reason } as typeof request;
    const report = renderEnvironment({ ...first, inFlight: { request: odd, token: 3, cutover: null } }, []);
    expect(report).toMatch(/in flight: rollback by .* \(identity: unverified\)$/m);
  });

  it('begins with who asked for a rollback', () => {
    const request = givenRequest(givenPlan(), 'v1', 'rollback', { reason: 'it is slow\n```' });
    const inFlight = { request, token: 3, cutover: null };
    const report = renderEnvironment({ ...first, inFlight }, []);
    const { by } = request.actor;
    expect(report).toContain(`in flight: rollback by ${by} (identity: unverified): it is slow \\\`\\\`\\\``);
  });
});

describe('a rollback that nobody has signed', () => {
  const actor = { by: 'oleg', proof: 'unverified' as const };
  const asked = { type: 'rollback' as const, requestId: 'rollback', version: null, actor, reason: null };
  const live = havingReleased(1, 2);
  const signedOnly = (state: EnvironmentState): EnvironmentState => ({
    ...state,
    good: state.good.map((each) => ({ ...each, plan: { ...each.plan, may: { rollback: ['leads'] } } })),
  });

  it('is shown where the policy wants it signed, once', () => {
    const before = signedOnly(live);
    const step = receiveRequest(before, asked);
    const shown = showUnsigned(before, asked, step, AT);
    expect(shown?.state.denials).toEqual([
      {
        ...{ by: 'oleg', decisionId: 'rollback', decision: 'rollback', at: AT },
        why: expect.stringMatching(
          /^the policy wants it signed by somebody of leads; slipway rollback prod v1/,
        ),
      },
    ]);
    const after = shown?.state ?? before;
    expect(showUnsigned(after, asked, receiveRequest(after, asked), AT)).toBeNull();
  });

  it.each([
    ['it comes in', live, null],
    ['there is no such release', signedOnly(live), 'v9'],
  ])('is not where %s', (_where, before, version) => {
    const step = rollback(before, version);
    expect(showUnsigned(before, { ...asked, version }, step, AT)).toBeNull();
  });
});
