/**
 * What a server answered. Every activity asks anew, so that a new value is seen by the next release; only while the
 * server is away does its last answer stand in, so that the way back to the old version does not need it.
 */
import { asyncLocalStorage } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { UNREACHABLE } from '../failure.js';

/** A watch of hours notices a rotated password. */
const SAME_ACTIVITY_MS = 60_000;
const STANDS_IN_MS = 24 * 3_600_000;
/** How long to wait for an answer; less when there is one that can stand in. */
const WAIT_MS = 10_000;
const SHORT_WAIT_MS = 2_000;

interface Answer<T> {
  value: T;
  at: number;
}

export class KeptAnswers<T> {
  private readonly last = new Map<string, Answer<T>>();
  private readonly ofActivity = new WeakMap<object, Map<string, Answer<T>>>();
  private readonly underWay = new Map<string, Promise<T>>();

  constructor(private readonly now: () => number = Date.now) {}

  /** `ask` rejects as unreachable when the last answer may stand in for it. */
  async get(id: string, ask: (waitMs: number) => Promise<T>): Promise<T> {
    const activity = asyncLocalStorage.getStore();
    if (activity === undefined) return this.share(id, ask);
    const own = this.ofActivity.get(activity) ?? new Map<string, Answer<T>>();
    this.ofActivity.set(activity, own);
    const known = own.get(id);
    if (known !== undefined && this.isWithin(known, SAME_ACTIVITY_MS)) return known.value;
    const value = await this.share(id, ask);
    own.set(id, { value, at: this.now() });
    return value;
  }

  /** Those who ask while it is being asked share the answer. */
  private share(id: string, ask: (waitMs: number) => Promise<T>): Promise<T> {
    const others = this.underWay.get(id);
    if (others !== undefined) return others;
    const asking = this.askOrStandIn(id, ask).finally(() => this.underWay.delete(id));
    this.underWay.set(id, asking);
    return asking;
  }

  private async askOrStandIn(id: string, ask: (waitMs: number) => Promise<T>): Promise<T> {
    const last = this.last.get(id);
    const standIn = last !== undefined && this.isWithin(last, STANDS_IN_MS) ? last : null;
    try {
      const value = await ask(standIn === null ? WAIT_MS : SHORT_WAIT_MS);
      this.last.set(id, { value, at: this.now() });
      return value;
    } catch (error) {
      const isAway = error instanceof ApplicationFailure && error.type === UNREACHABLE;
      if (isAway && standIn !== null) return standIn.value;
      // what is refused now must not come back when the server goes away
      if (!isAway) this.last.delete(id);
      throw error;
    }
  }

  private isWithin(answer: Answer<T>, ms: number): boolean {
    return this.now() - answer.at < ms;
  }
}
