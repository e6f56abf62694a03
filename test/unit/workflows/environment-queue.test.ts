import { describe, expect, it } from 'vitest';
import { endedFromOutside } from '../../../workflows/change-recover.js';
import { newEnvironment } from '../../../workflows/environment-memory.js';
import { end } from '../../../workflows/environment-end.js';
import { begin, beginRecovery } from '../../../workflows/environment-begin.js';
import {
  applyDecision,
  giveBack,
  nextMove,
  receiveAnnouncement,
  receiveCutover,
  receiveRequest,
  receiveWithdrawal,
  type Telling,
} from '../../../workflows/environment-queue.js';
import type { ChangeResult } from '../../../workflows/result.js';
import { givenDecision, givenPlan, givenRequest } from '../../support/given.js';
import {
  announcement,
  ask,
  AT,
  deploy,
  finished,
  havingReleased,
  NOW,
  recordOf,
  resultOf,
  rollback,
  sha,
  started,
  versions,
} from '../../support/queue-scene.js';

describe('what is remembered', () => {
  it('fits into one payload, however large the plans are', () => {
    let state = newEnvironment('shop', 'prod');
    for (let number = 1; number <= 25; number += 1) {
      const request = deploy(number);
      const { ssh } = request.plan;
      const knownHosts = number % 2 === 0 ? 'k'.repeat(150_000) : null;
      const large = { ...request, plan: { ...request.plan, ssh: { ...ssh, knownHosts } } };
      state = finished(started(ask(state, large).state));
    }
    expect(JSON.stringify(state.good).length).toBeLessThan(600_000);
    // the latest ones, without a gap among them
    expect(versions(state.good)).toEqual(
      ['v25', 'v24', 'v23', 'v22', 'v21', 'v20', 'v19'].slice(0, state.good.length),
    );
    expect(state.good.length).toBeGreaterThanOrEqual(3);
  });
});

describe('who replaces whom', () => {
  it('tells a building or waiting older release, and forgets its announcement', () => {
    const before = receiveAnnouncement(newEnvironment('shop', 'prod'), announcement(1)).state;
    const { state, tell } = receiveAnnouncement(before, announcement(2, [1]));
    expect(tell).toEqual<Telling[]>([
      {
        tell: 'superseded',
        workflowId: 'release-1',
        superseded: { environment: 'prod', version: 'v2', commit: sha(2) },
      },
    ]);
    expect(state.announced.map((each) => each.requestId)).toEqual(['request-2']);
  });

  it('drops a queued older request, and leaves one that is no ancestor', () => {
    let { state } = ask(newEnvironment('shop', 'prod'), deploy(0));
    state = started(state);
    state = ask(state, deploy(1)).state;
    state = ask(state, deploy(7)).state;
    const { state: after, tell } = receiveAnnouncement(state, announcement(2, [1]));
    expect(versions(after.queue)).toEqual(['v7']);
    expect(tell).toMatchObject([
      { tell: 'outcome', promotionId: 'promotion-1', result: { state: 'superseded' } },
    ]);
  });

  it('tells the change in flight only when the newer one stands at the door', () => {
    let state = started(ask(newEnvironment('shop', 'prod'), deploy(1)).state);
    const announced = receiveAnnouncement(state, announcement(2, [1]));
    expect(announced.tell).toEqual([]);
    state = announced.state;
    expect(ask(state, deploy(2)).tell).toMatchObject([
      { tell: 'lane-superseded', superseded: { version: 'v2' } },
    ]);
  });

  it('never replaces in first-in-first-out environments', () => {
    let state = started(ask(newEnvironment('shop', 'prod'), deploy(0, 'fifo')).state);
    state = ask(state, deploy(1, 'fifo')).state;
    const { state: after, tell } = receiveAnnouncement(state, announcement(2, [0, 1], { queue: 'fifo' }));
    expect(versions(after.queue)).toEqual(['v1']);
    expect(tell).toEqual([]);
  });

  it('turns an older request away that comes after the newer one was announced', () => {
    const { state } = receiveAnnouncement(newEnvironment('shop', 'prod'), announcement(2, [1]));
    const { state: after, tell } = ask(state, deploy(1));
    expect(after.queue).toEqual([]);
    expect(tell).toMatchObject([{ tell: 'outcome', result: { state: 'superseded' } }]);
  });

  it('turns it away when it comes after the newer one has ended, too', () => {
    let { state } = receiveAnnouncement(
      newEnvironment('shop', 'prod'),
      announcement(1, [], { phase: 'waiting' }),
    );
    state = receiveAnnouncement(state, announcement(2, [1])).state;
    state = finished(started(ask(state, deploy(2)).state));
    const { state: after, tell } = ask(state, deploy(1));
    expect(after).toMatchObject({ queue: [], live: { version: 'v2' } });
    expect(tell).toMatchObject([
      { tell: 'outcome', promotionId: 'promotion-1', result: { state: 'superseded' } },
    ]);
  });

  it('keeps what a release found out when its promotion speaks for it', () => {
    const { state } = receiveAnnouncement(newEnvironment('shop', 'prod'), announcement(2, [1]));
    const again = receiveAnnouncement(
      state,
      announcement(2, [], { phase: 'waiting', workflowId: 'promotion-2' }),
    );
    expect(again.state.announced).toMatchObject([{ workflowId: 'promotion-2', supersedes: [sha(1)] }]);
  });
});

describe('the way back', () => {
  it('goes to the last good release before the live one, and on to older ones', () => {
    let state = havingReleased(1, 2, 3);
    for (const expected of ['v2', 'v1']) {
      state = rollback(state, null, `to-${expected}`).state;
      expect(versions(state.queue)).toEqual([expected]);
      state = finished(started(state));
      expect(state.live?.version).toBe(expected);
    }
    expect(rollback(state, null, 'too far').state.processed[0]?.result.failure?.what).toContain(
      'no earlier good release than v1',
    );
  });

  it('forgets a release that was rolled away from once another is live', () => {
    let state = finished(started(rollback(havingReleased(1, 2)).state));
    state = finished(started(ask(state, deploy(3)).state));
    expect(versions(state.good)).toEqual(['v3', 'v1']);
    expect(versions(rollback(state, null, 'again').state.queue)).toEqual(['v1']);
  });

  it('goes forward again by name while nothing else became live', () => {
    const state = finished(started(rollback(havingReleased(1, 2)).state));
    expect(versions(rollback(state, 'v2', 'forward').state.queue)).toEqual(['v2']);
  });

  it('records an unknown version as a failure that lists the known ones', () => {
    const { state } = rollback(havingReleased(1, 2), 'v9');
    expect(state.queue).toEqual([]);
    expect(state.processed[0]).toMatchObject({
      requestId: 'rollback',
      result: { state: 'failed', clean: true, failure: { why: 'good releases, newest first: v2, v1' } },
    });
  });

  it('is measured from what serves: the release a change in flight has switched to', () => {
    let state = started(ask(havingReleased(1, 2), deploy(3)).state);
    const target = { ...recordOf(state), token: state.token };
    const { requestId } = deploy(3);
    state = receiveCutover(state, {
      token: state.token,
      requestId,
      previous: state.live,
      target,
      prior: null,
      switching: true,
    });
    expect(versions(rollback(state).state.queue)).toEqual(['v2']);
  });

  it('to a colour that is warm counts as switched from its start on, whatever it says', () => {
    const released = havingReleased(1, 2);
    const [live, warm] = released.good;
    if (live === undefined || warm === undefined) throw new Error('two were released');
    const state = {
      ...released,
      live: { ...live, colour: 'green' as const },
      warm: { record: { ...warm, colour: 'blue' as const }, retireAt: AT },
    };
    const { inFlight } = started(rollback(state).state);
    expect(inFlight?.cutover).toMatchObject({
      token: inFlight?.token,
      previous: { version: 'v2' },
      target: { version: 'v1', colour: 'blue', token: inFlight?.token },
      prior: null,
      previousColour: 'green',
      switching: true,
    });
  });

  it('asked for by two people at once is one step back', () => {
    const asked = rollback(havingReleased(1, 2, 3)).state;
    for (const state of [asked, started(asked)]) {
      for (const version of [null, 'v2']) {
        const { state: after } = rollback(state, version, 'second');
        expect(after.queue).toEqual(state.queue);
        expect(after.processed[0]).toMatchObject({
          requestId: 'second',
          result: {
            state: 'failed',
            clean: true,
            failure: { what: 'a rollback to v2 is under way already' },
          },
        });
      }
      expect(versions(rollback(state, 'v1', 'further').state.queue)).toContain('v1');
    }
  });

  it('to what is live already has nothing to do, but may repair', () => {
    const { state } = rollback(havingReleased(1, 2), 'v2');
    expect(state.queue).toEqual([]);
    expect(state.processed[0]?.result).toMatchObject({ state: 'succeeded', clean: true });
    const broken = { ...havingReleased(1, 2), needsPerson: 'undo of deploy failed' };
    expect(versions(rollback(broken, 'v2').state.queue)).toEqual(['v2']);
  });

  it('stands ahead of waiting deploys and enters a frozen environment', () => {
    const frozen = applyDecision(havingReleased(1, 2), { ...givenDecision('irina'), name: 'freeze' }, AT);
    const waiting = ask(frozen, deploy(3)).state;
    expect(nextMove(waiting, NOW)).toEqual({ move: 'wait', untilMs: null });
    const { state } = rollback(waiting);
    expect(versions(state.queue)).toEqual(['v1', 'v3']);
    expect(nextMove(state, NOW)).toMatchObject({
      move: 'start',
      request: { kind: 'rollback', version: 'v1' },
    });
  });
});

describe('ends', () => {
  it('lets nobody in after an unwind that left something, until a person says so', () => {
    let state = started(ask(havingReleased(1), deploy(2)).state);
    const result = resultOf(state, 'failed', { clean: false, headline: 'undo of deploy failed' });
    state = end(state, { result, diedUnder: null, nowMs: NOW }).state;
    state = ask(state, deploy(3)).state;
    expect(state.needsPerson).toContain('undo of deploy failed');
    expect(nextMove(state, NOW).move).toBe('wait');
    state = applyDecision(state, { ...givenDecision('oleg'), name: 'resume' }, AT);
    expect(nextMove(state, NOW).move).toBe('start');
  });

  it.each([
    ['rollback', 'slipway rollback prod v1'],
    ['deploy', 'slipway release v1 --to prod'],
  ] as const)('names the way out of a %s that died', (kind, wayOut) => {
    const request = givenRequest({ ...givenPlan(), name: 'prod' }, 'v1', kind);
    const what = 'the change to v1 was ended from outside and has been undone';
    expect(endedFromOutside(request)).toMatchObject({ what, wayOut });
  });

  it('calls a recovered change failed, and names the way out', () => {
    let state = started(ask(havingReleased(1), deploy(2)).state);
    const died = state.token;
    state = beginRecovery(state)?.state ?? state;
    expect(state.token).toBe(died + 1);
    const { state: after, tell } = end(state, {
      result: resultOf(state, 'succeeded', { live: state.live }),
      diedUnder: died,
      nowMs: NOW,
    });
    expect(after.live?.version).toBe('v1');
    expect(tell).toMatchObject([
      { promotionId: 'promotion-2', result: { state: 'failed', failure: { wayOut: expect.any(String) } } },
    ]);
  });

  it('follows a host that has seen a higher token, once', () => {
    let state = started(ask(newEnvironment('shop', 'prod'), deploy(1)).state);
    const failure = { what: 'token 57 was seen', where: 'web-1', why: null, wayOut: '-', seenToken: 57 };
    const stale = (): ChangeResult => resultOf(state, 'superseded', { live: null, failure });
    state = end(state, { result: stale(), diedUnder: null, nowMs: NOW }).state;
    expect(state.processed).toEqual([]);
    state = started(state);
    expect(state.inFlight).toMatchObject({ token: 58, request: { requestId: 'request-1' } });
    const again = { ...stale(), failure: { ...failure, seenToken: 99 } };
    state = end(state, { result: again, diedUnder: null, nowMs: NOW }).state;
    expect(state.processed[0]?.requestId).toBe('request-1');
  });

  it('retires the warm colour when its time is over, and tries again later when that fails', () => {
    let state = started(ask(havingReleased(1), deploy(2)).state);
    const warm = state.live;
    state = end(state, { result: resultOf(state, 'succeeded', { warm }), diedUnder: null, nowMs: NOW }).state;
    const retireMs = Date.parse(state.warm?.retireAt ?? '');
    expect(nextMove(state, NOW)).toEqual({ move: 'wait', untilMs: retireMs });
    const move = nextMove(state, retireMs);
    expect(move).toMatchObject({ move: 'retire', request: { kind: 'retire', version: 'v1' } });
    if (move.move !== 'retire') throw new Error('not retired');
    state = begin(state, move.request, AT);
    state = end(state, {
      result: resultOf(state, 'failed', { warm }),
      diedUnder: null,
      nowMs: retireMs,
    }).state;
    expect(Date.parse(state.warm?.retireAt ?? '')).toBeGreaterThan(retireMs);
  });

  it('opens a freeze at its end', () => {
    const until = new Date(NOW + 1000).toISOString();
    const frozen = applyDecision(
      newEnvironment('shop', 'prod'),
      { ...givenDecision('irina', { until }), name: 'freeze' },
      AT,
    );
    const { state } = ask(frozen, deploy(1));
    expect(nextMove(state, NOW)).toEqual({ move: 'wait', untilMs: NOW + 1000 });
    expect(nextMove(state, NOW + 1000).move).toBe('start');
  });

  it('gives a withdrawn request back to its promotion as aborted, and aborts one in flight', () => {
    let state = started(ask(newEnvironment('shop', 'prod'), deploy(1)).state);
    state = ask(state, deploy(2)).state;
    const decision = givenDecision('oleg');
    const queued = receiveWithdrawal(state, { requestId: 'request-2', decision });
    expect(queued.state.queue).toEqual([]);
    expect(queued.tell).toMatchObject([
      { tell: 'outcome', promotionId: 'promotion-2', result: { state: 'aborted' } },
    ]);
    expect(receiveWithdrawal(state, { requestId: 'request-1', decision }).tell).toEqual([
      { tell: 'lane-abort', decision },
    ]);
  });

  it('keeps a request taken back out of the queue when its lane turns out to be held', () => {
    const state = started(ask(newEnvironment('shop', 'prod'), deploy(1)).state);
    const decision = givenDecision('oleg');
    const taken = receiveWithdrawal(state, { requestId: 'request-1', decision }).state;
    const { state: after, tell } = giveBack(taken);
    expect(after).toMatchObject({ queue: [], inFlight: null });
    expect(tell).toMatchObject([
      { tell: 'outcome', promotionId: 'promotion-1', result: { state: 'aborted', clean: true } },
    ]);
    expect(versions(giveBack(state).state.queue)).toEqual(['v1']);
  });

  it('does not follow a higher token for a request taken back', () => {
    const state = started(ask(newEnvironment('shop', 'prod'), deploy(1)).state);
    const taken = receiveWithdrawal(state, { requestId: 'request-1', decision: givenDecision('oleg') }).state;
    const failure = { what: 'token 57 was seen', where: 'web-1', why: null, wayOut: '-', seenToken: 57 };
    const result = resultOf(taken, 'superseded', { live: null, failure });
    const { state: after } = end(taken, { result, diedUnder: null, nowMs: NOW });
    expect(after).toMatchObject({ token: 57, queue: [], processed: [{ result: { state: 'aborted' } }] });
  });

  it('goes above a token that was seen too late to be followed', () => {
    const state = started(rollback(havingReleased(1, 2)).state);
    const failure = { what: 'token 57 was seen', where: 'web-1', why: null, wayOut: '-', seenToken: 57 };
    const result = resultOf(state, 'superseded', { clean: false, failure });
    const { state: after } = end(state, { result, diedUnder: null, nowMs: NOW });
    expect(after).toMatchObject({ token: 57, live: { version: 'v2' } });
    expect(started(rollback(after, null, 'again').state).token).toBe(58);
  });

  it('tells the outcome again to whoever asks again', () => {
    const state = havingReleased(1);
    const { state: after, tell } = ask(state, deploy(1));
    expect(after.queue).toEqual([]);
    expect(tell).toMatchObject([
      { tell: 'outcome', promotionId: 'promotion-1', result: { state: 'succeeded' } },
    ]);
  });

  it('deploys again what is live when its turn comes', () => {
    let state = started(ask(havingReleased(1), deploy(2)).state);
    state = receiveRequest(state, {
      type: 'redeploy',
      requestId: 'again',
      actor: { by: 'oleg', proof: 'unverified' },
      reason: null,
    }).state;
    state = started(finished(state));
    expect(state.inFlight?.request).toMatchObject({ kind: 'redeploy', version: 'v2', requestId: 'again' });
  });
});
