/** How a promotion ends: its result, and whether the run is red. Pure. */
import { ApplicationFailure } from '@temporalio/common';
import { ENDED } from './failures.js';
import { forcedGates } from './forced.js';
import type { Decision, PromotionRequest } from './messages.js';
import {
  touchedNothing,
  type ChangeResult,
  type EvidenceItem,
  type FailureReport,
  type PromotionResult,
  type ReleaseRecord,
} from './result.js';

/** Somebody's word that ended it early. */
export interface Stop {
  kind: 'aborted' | 'rejected' | 'superseded';
  /** A person, or the newer version. */
  by: string;
  /** null = nobody told us: a newer version, or a rejection on GitHub. */
  decision: Decision | null;
  /** Where somebody else's words say it. */
  reason?: string | null;
}

/** A gate, a missing approval or an earlier environment says no: nothing was touched. */
export class Refusal extends Error {
  constructor(readonly report: FailureReport) {
    super(report.what);
  }
}

export interface PromotionEnding {
  request: PromotionRequest;
  stop: Stop | null;
  refusal: FailureReport | null;
  /** null = the environment was never asked. */
  change: ChangeResult | null;
  evidence: EvidenceItem[];
}

export function concludePromotion(ending: PromotionEnding): PromotionResult {
  const { request, evidence } = ending;
  const forced = forcedGates({ artifacts: request.artifacts, evidence });
  const result = howItEnded(ending);
  return forced.length === 0 ? result : { ...result, forced };
}

function howItEnded(ending: PromotionEnding): PromotionResult {
  const { request, change, evidence, stop } = ending;
  const environment = request.plan.name;
  const subject = `${request.plan.pipeline} ${request.version} → ${environment}`;
  const untouched = { environment, refused: true, clean: true, change, evidence };

  const refusal = ending.refusal ?? rejection(ending);
  if (refusal !== null && (change === null || neverBegan(change)))
    return {
      headline: `${subject}: refused, ${refusal.what}`,
      state: 'failed',
      ...untouched,
      failure: refusal,
    };
  if (change !== null) return fromChange(ending, change);
  const state = stop?.kind === 'superseded' ? 'superseded' : 'aborted';
  const headline = `${subject}: ${state} by ${stop?.by ?? 'a cancellation'}, nothing was touched`;
  return { headline, state, ...untouched, refused: false, failure: null };
}

/** Taken back while it stood in the queue. */
function neverBegan({ state, clean, steps }: ChangeResult): boolean {
  return state === 'aborted' && clean && steps.length === 0;
}

/** Also of a request that was still in the queue. */
function rejection({ request, change, stop }: PromotionEnding): FailureReport | null {
  if (stop?.kind !== 'rejected' || (change !== null && !neverBegan(change))) return null;
  return {
    what: `rejected by ${stop.by} ${stop.decision === null ? 'on GitHub' : '(identity: unverified)'}`,
    where: `${request.plan.pipeline} ${request.plan.name}`,
    why: stop.reason ?? null,
    wayOut: `a rejection is final; slipway release ${request.version} --to ${request.plan.name} asks again`,
  };
}

function fromChange({ request, evidence, refusal }: PromotionEnding, change: ChangeResult): PromotionResult {
  const environment = request.plan.name;
  const { headline, clean } = change;
  // Nobody wanted it aborted: it was taken back because the environment could not be asked properly.
  if (refusal !== null && change.state === 'aborted')
    return {
      headline,
      state: 'failed',
      environment,
      refused: false,
      clean,
      change,
      evidence,
      failure: refusal,
    };
  const { state } = change;
  const bad = isBad(change);
  const failure = bad ? (change.failure ?? withoutCause(request, headline)) : change.failure;
  return { headline, state, environment, refused: touchedNothing(change), clean, change, evidence, failure };
}

function withoutCause({ plan, version }: PromotionRequest, headline: string): FailureReport {
  return {
    what: headline,
    where: `${plan.pipeline} ${plan.name}`,
    why: null,
    wayOut: `slipway status ${plan.name}; slipway release ${version} --to ${plan.name} tries again`,
  };
}

/** It was to be taken back, but the environment knows nothing of it any more: red, since nobody can say more. */
export function forgotten({ plan, version }: PromotionRequest, live: ReleaseRecord | null): ChangeResult {
  const headline = `${plan.pipeline} ${version} → ${plan.name}: aborted, but the environment had forgotten it`;
  return {
    headline,
    state: 'aborted',
    clean: false,
    live,
    warm: null,
    steps: [],
    unwind: [],
    failure: {
      what: 'the environment has forgotten this request, so nobody knows how far it came',
      where: `${plan.pipeline} ${plan.name}`,
      why: null,
      wayOut: `slipway status ${plan.name}; slipway doctor ${plan.name}`,
    },
    switchMs: null,
    backMs: null,
  };
}

function isBad({ state, clean }: Pick<PromotionResult, 'state' | 'clean'>): boolean {
  return state === 'failed' || state === 'rolled-back' || !clean;
}

/** Red means look: a failed, undone or half-undone promotion throws; live, superseded and aborted ones return. */
export function endPromotion(result: PromotionResult): PromotionResult {
  if (!isBad(result)) return result;
  throw ApplicationFailure.create({
    type: ENDED.promotion,
    nonRetryable: true,
    message: messageOf(result.failure, result.headline),
    details: [result],
  });
}

/** `where: what; way out`, as everywhere. */
export function messageOf(failure: FailureReport | null, headline: string): string {
  return failure === null ? headline : `${failure.where}: ${failure.what}; ${failure.wayOut}`;
}
