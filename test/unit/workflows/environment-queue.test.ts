import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newEnvironment } from '../../../workflows/environment-memory.js';
import {
  applyDecision,
  begin,
  beginRecovery,
  end,
  giveBack,
  nextMove,
  receiveAnnouncement,
  receiveCutover,
  receiveRequest,
  receiveWithdrawal,
  type Step,
  type Telling,
} from '../../../workflows/environment-queue.js';
import type {
  Announcement,
  ChangeKind,
  ChangeRequest,
  EnvironmentState,
} from '../../../workflows/messages.js';
import type { ChangeResult, ReleaseRecord } from '../../../workflows/result.js';
import { givenCommit, givenDecision, givenPlan, givenRequest } from '../../support/given.js';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const AT = new Date(NOW).toISOString();
const sha = (number: number): string => `${number}`.padStart(40, '0');

function deploy(number: number, queue: 'newest' | 'fifo' = 'newest'): ChangeRequest {
  return givenRequest(givenPlan({ name: 'prod', queue }), `v${number}`, 'deploy', {
    requestId: `request-${number}`,
    promotionId: `promotion-${number}`,
    commit: givenCommit({ sha: sha(number) }),
  });
}

function announcement(
  number: number,
  older: number[] = [],
  changes: Partial<Announcement> = {},
): Announcement {
  return {
    requestId: `request-${number}`,
    workflowId: `release-${number}`,
    phase: 'building',
    version: `v${number}`,
    commit: sha(number),
    supersedes: older.map(sha),
    waitingFor: null,
    since: AT,
    queue: 'newest',
    ...changes,
  };
}

function ask(state: EnvironmentState, request: ChangeRequest): Step {
  return receiveRequest(state, { type: 'change', request });
}

function rollback(state: EnvironmentState, version: string | null = null, requestId = 'rollback'): Step {
  return receiveRequest(state, {
    type: 'rollback',
    requestId,
    version,
    actor: { by: 'oleg', proof: 'unverified' },
    reason: null,
  });
}

function started(state: EnvironmentState): EnvironmentState {
  const move = nextMove(state, NOW);
  if (move.move === 'wait') throw new Error('nothing starts');
  return begin(state, move.request);
}

function recordOf(state: EnvironmentState): ReleaseRecord {
  const { inFlight } = state;
  if (inFlight === null) throw new Error('nothing is in flight');
  const { version, commit, artifacts, plan } = inFlight.request;
  return { version, commit, artifacts, plan, colour: null, token: inFlight.token, at: AT, by: 'oleg' };
}

function resultOf(
  state: EnvironmentState,
  ended: ChangeResult['state'],
  changes: Partial<ChangeResult> = {},
): ChangeResult {
  return {
    headline: ended,
    state: ended,
    clean: true,
    live: ended === 'succeeded' ? recordOf(state) : state.live,
    warm: null,
    steps: [],
    unwind: [],
    failure: null,
    switchMs: null,
    backMs: null,
    ...changes,
  };
}

function finished(state: EnvironmentState, ended: ChangeResult['state'] = 'succeeded'): EnvironmentState {
  return end(state, { result: resultOf(state, ended), diedUnder: null, nowMs: NOW }).state;
}

/** The versions became live one after the other. */
function havingReleased(...numbers: number[]): EnvironmentState {
  let state = newEnvironment('shop', 'prod');
  for (const number of numbers) state = finished(started(ask(state, deploy(number)).state));
  return state;
}

const versions = (records: { version: string }[]): string[] => records.map((record) => record.version);

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
    state = begin(state, move.request);
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

type Event =
  | { do: 'request'; number: number; older: number[] }
  | { do: 'again'; number: number }
  | { do: 'rollback'; number: number }
  | { do: 'withdraw'; number: number }
  | { do: 'freeze' | 'unfreeze' | 'start' | 'held' | 'die' }
  | { do: 'end'; state: ChangeResult['state'] };

const numbers = fc.integer({ min: 1, max: 12 });
const events = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('request' as const),
        number: numbers,
        older: fc.array(numbers, { maxLength: 3 }),
      }),
    },
    fc.record({
      do: fc.constantFrom('again' as const, 'rollback' as const, 'withdraw' as const),
      number: numbers,
    }),
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'freeze' as const,
          'unfreeze' as const,
          'start' as const,
          'start' as const,
          'held' as const,
          'die' as const,
        ),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        state: fc.constantFrom<ChangeResult['state']>('succeeded', 'failed', 'aborted'),
      }),
    },
  ),
  { maxLength: 80 },
) satisfies fc.Arbitrary<Event[]>;

/** Plays events against the queue and keeps a journal of its own. */
class Play {
  state = newEnvironment('shop', 'prod');
  diedUnder: number | null = null;
  readonly asked = new Map<string, { kind: ChangeKind; order: number }>();
  readonly ran: string[] = [];
  readonly outcomes = new Map<string, number>();
  readonly tokens: number[] = [];
  readonly older = new Map<string, number[]>();

  constructor(private readonly queue: 'newest' | 'fifo') {}

  apply({ state, tell }: Step): void {
    for (const telling of tell)
      if (telling.tell === 'outcome')
        this.outcomes.set(telling.promotionId, (this.outcomes.get(telling.promotionId) ?? 0) + 1);
    this.state = state;
  }

  play(event: Event): void {
    switch (event.do) {
      case 'request': {
        const older = event.older.filter((number) => number < event.number);
        const request = deploy(event.number, this.queue);
        if (this.asked.has(request.requestId)) return;
        this.asked.set(request.requestId, { kind: 'deploy', order: this.asked.size });
        this.older.set(request.requestId, older);
        this.apply(receiveAnnouncement(this.state, announcement(event.number, older, { queue: this.queue })));
        return this.apply(ask(this.state, request));
      }
      case 'again': {
        const before = this.state.queue.length;
        if (this.asked.has(`request-${event.number}`)) {
          this.state = ask(this.state, deploy(event.number, this.queue)).state;
          expect(this.state.queue.length).toBe(before);
        }
        return;
      }
      case 'rollback': {
        const requestId = `rollback-${event.number}`;
        if (!this.asked.has(requestId))
          this.asked.set(requestId, { kind: 'rollback', order: this.asked.size });
        return this.apply(rollback(this.state, null, requestId));
      }
      case 'withdraw':
        return this.apply(
          receiveWithdrawal(this.state, {
            requestId: `request-${event.number}`,
            decision: givenDecision('oleg'),
          }),
        );
      case 'freeze':
      case 'unfreeze':
        this.state = applyDecision(this.state, { ...givenDecision('irina'), name: event.do }, AT);
        return;
      case 'start':
        return this.start();
      case 'held': {
        const before = this.state;
        this.start();
        if (this.state === before || before.inFlight !== null) return;
        this.ran.pop();
        this.state = giveBack(this.state);
        expect(this.state.queue).toEqual(before.queue);
        return;
      }
      case 'die': {
        if (this.state.inFlight === null) return;
        this.diedUnder ??= this.state.inFlight.token;
        this.state = beginRecovery(this.state)?.state ?? this.state;
        this.tokens.push(this.state.token);
        return;
      }
      case 'end': {
        if (this.state.inFlight === null) return;
        const result = resultOf(
          this.state,
          event.state,
          this.diedUnder === null ? {} : { live: this.state.live },
        );
        this.apply(end(this.state, { result, diedUnder: this.diedUnder, nowMs: NOW }));
        this.diedUnder = null;
        return;
      }
    }
  }

  private start(): void {
    const move = nextMove(this.state, NOW);
    if (this.state.inFlight !== null) expect(move.move).toBe('wait');
    if (move.move === 'wait') return;
    if (this.state.freeze !== null) expect(move.request.kind).toBe('rollback');
    if (move.request.kind === 'deploy') {
      const ahead = this.state.queue[0];
      expect(ahead?.requestId).toBe(move.request.requestId);
    }
    this.state = begin(this.state, move.request);
    this.tokens.push(this.state.token);
    this.ran.push(move.request.requestId);
  }

  /** Opens and runs everything that is left. */
  drain(): void {
    this.play({ do: 'unfreeze' });
    this.play({ do: 'end', state: 'succeeded' });
    while (nextMove(this.state, NOW).move !== 'wait') {
      this.start();
      this.play({ do: 'end', state: 'succeeded' });
    }
  }
}

describe('any sequence of requests, withdrawals, freezes, deaths and ends', () => {
  const played = (queue: 'newest' | 'fifo', sequence: Event[]): Play => {
    const play = new Play(queue);
    for (const event of sequence) play.play(event);
    play.drain();
    return play;
  };

  it('loses no request, runs none twice, and gives each one outcome', () => {
    fc.assert(
      fc.property(fc.constantFrom('newest' as const, 'fifo' as const), events, (queue, sequence) => {
        const play = played(queue, sequence);
        expect(new Set(play.ran).size).toBe(play.ran.length);
        const processed = play.state.processed.map((each) => each.requestId);
        expect(processed.toSorted()).toEqual([...play.asked.keys()].toSorted());
        for (const [requestId, { kind }] of play.asked) {
          const promotionId = requestId.replace('request', 'promotion');
          if (kind === 'deploy') expect(play.outcomes.get(promotionId)).toBe(1);
        }
      }),
    );
  });

  it('raises the token with every holder', () => {
    fc.assert(
      fc.property(events, (sequence) => {
        const { tokens } = played('newest', sequence);
        expect(tokens).toEqual([...new Set(tokens)].toSorted((one, other) => one - other));
      }),
    );
  });

  it('keeps the order of deploys in first-in-first-out environments', () => {
    fc.assert(
      fc.property(events, (sequence) => {
        const { ran, asked } = played('fifo', sequence);
        const orders = ran.flatMap((requestId) => {
          const known = asked.get(requestId);
          return known?.kind === 'deploy' ? [known.order] : [];
        });
        expect(orders).toEqual(orders.toSorted((one, other) => one - other));
      }),
    );
  });

  it('drops only ancestors of a newer release', () => {
    fc.assert(
      fc.property(events, (sequence) => {
        const { state, older } = played('newest', sequence);
        const dropped = state.processed.filter((each) => each.result.state === 'superseded');
        for (const { requestId } of dropped) {
          const number = Number(requestId.replace('request-', ''));
          expect([...older.values()].some((ancestors) => ancestors.includes(number))).toBe(true);
        }
      }),
    );
  });
});
