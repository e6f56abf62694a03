/** What activities that look at a running release are asked, and what they find. Part of activity-contract.ts. */
import type { CheckPlan, Colour } from '../pipeline/plan.js';
import type { Receipted, Target } from './target.js';

export interface CheckOutcome {
  check: string;
  /** On which host, where it was made on one. */
  host?: string;
  verdict: 'passed' | 'failed' | 'inconclusive';
  detail: string;
  /** http: milliseconds until the answer. */
  tookMs?: number;
}

export interface VerifyResult extends Receipted {
  verdict: 'passed' | 'failed' | 'inconclusive';
  note: string;
  outcomes: CheckOutcome[];
  /** Tail of the service's log when a check failed (2 KB at most). */
  logTail: string | null;
}

export interface BakeInput {
  target: Target;
  /** Colour that has the traffic; null without colours. */
  colour: Colour | null;
  /** Means measured before the switch, per prometheus check. */
  baseline: Record<string, number | null>;
  /** Milliseconds still to watch. */
  remainingMs: number;
  /** Milliseconds since the deploy of this change began; absent from older workers. */
  deployedMsAgo?: number;
  /** What an attempt that nobody heard of any more had reported last: the bake goes on from there. */
  soFar?: unknown;
  /** Percent of the users that the colour has: it is asked by itself, and one bad sample is enough. Absent = all. */
  share?: number;
}

export interface VerifyInput {
  target: Target;
  checks: CheckPlan[];
  colour: Colour | null;
  /** As of a bake. */
  deployedMsAgo?: number;
}
