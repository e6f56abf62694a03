import {
  array,
  assert,
  constant,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  type Arbitrary,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newEnvironment } from '../../../workflows/environment-memory.js';
import { end } from '../../../workflows/environment-end.js';
import { begin, beginRecovery } from '../../../workflows/environment-begin.js';
import {
  applyDecision,
  giveBack,
  nextMove,
  receiveAnnouncement,
  receiveWithdrawal,
  type Step,
} from '../../../workflows/environment-queue.js';
import type { ChangeKind } from '../../../workflows/messages.js';
import type { ChangeResult } from '../../../workflows/result.js';
import { givenDecision } from '../../support/given.js';
import { announcement, ask, AT, deploy, NOW, resultOf, rollback } from '../../support/queue-scene.js';

type Event =
  | { do: 'request'; number: number; older: number[] }
  | { do: 'again'; number: number }
  | { do: 'rollback'; number: number }
  | { do: 'withdraw'; number: number }
  | { do: 'freeze' | 'unfreeze' | 'start' | 'held' | 'die' }
  | { do: 'end'; state: ChangeResult['state'] };

const numbers = integer({ min: 1, max: 12 });
const events = array(
  oneof(
    {
      weight: 5,
      arbitrary: record({
        do: constant('request' as const),
        number: numbers,
        older: array(numbers, { maxLength: 3 }),
      }),
    },
    record({
      do: constantFrom('again' as const, 'rollback' as const, 'withdraw' as const),
      number: numbers,
    }),
    {
      weight: 5,
      arbitrary: record({
        do: constantFrom(
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
      arbitrary: record({
        do: constant('end' as const),
        state: constantFrom<ChangeResult['state']>('succeeded', 'failed', 'aborted'),
      }),
    },
  ),
  { maxLength: 80 },
) satisfies Arbitrary<Event[]>;

/** A rule of the queue that must hold after every event. */
function ensure(rule: string, holds: boolean): void {
  if (!holds) throw new Error(`broken: ${rule}`);
}

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
          ensure('the same request twice is one', this.state.queue.length === before);
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
        this.apply(giveBack(this.state));
        const same = this.state.queue.every((each, place) => each === before.queue[place]);
        ensure('a request goes back to where it stood', same);
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
    ensure('one is in flight', this.state.inFlight === null || move.move === 'wait');
    if (move.move === 'wait') return;
    ensure('frozen starts rollbacks only', this.state.freeze === null || move.request.kind === 'rollback');
    const first = this.state.queue[0]?.requestId;
    ensure('a deploy waits its turn', move.request.kind !== 'deploy' || move.request.requestId === first);
    this.state = begin(this.state, move.request, new Date(NOW).toISOString());
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
    assert(
      property(constantFrom('newest' as const, 'fifo' as const), events, (queue, sequence) => {
        const play = played(queue, sequence);
        expect(new Set(play.ran).size).toBe(play.ran.length);
        const processed = play.state.processed.map((each) => each.requestId);
        expect(processed.toSorted()).toEqual([...play.asked.keys()].toSorted());
        const promotions = [...play.asked].filter(([, { kind }]) => kind === 'deploy').map(([id]) => id);
        for (const requestId of promotions)
          expect(play.outcomes.get(requestId.replace('request', 'promotion'))).toBe(1);
      }),
    );
  });

  it('raises the token with every holder', () => {
    assert(
      property(events, (sequence) => {
        const { tokens } = played('newest', sequence);
        expect(tokens).toEqual([...new Set(tokens)].toSorted((one, other) => one - other));
      }),
    );
  });

  it('keeps the order of deploys in first-in-first-out environments', () => {
    assert(
      property(events, (sequence) => {
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
    assert(
      property(events, (sequence) => {
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
