/** What an error of an activity means: did the world say no, is the lane another's, or could it not be asked? */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { FAILURE, type FailureDetails } from './failures.js';
import type { FailureReport } from './result.js';

export interface ReadFailure {
  /** `no` the world refused · `stale` another change owns the target · `unknown` it could not be asked. */
  meaning: 'no' | 'stale' | 'unknown';
  report: FailureReport;
}

const MEANING: Record<string, ReadFailure['meaning']> = {
  [FAILURE.refused]: 'no',
  [FAILURE.foreignHand]: 'no',
  [FAILURE.badInput]: 'no',
  [FAILURE.unauthorized]: 'no',
  [FAILURE.staleFence]: 'stale',
};

/** `where` and `wayOut` are used when the error itself does not say. */
export function readFailure(error: unknown, where: string, wayOut: string): ReadFailure {
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  if (cause instanceof ApplicationFailure) {
    const details: unknown = cause.details?.[0];
    const report = isDetails(details) ? { ...details } : { what: cause.message, where, why: null, wayOut };
    return { meaning: MEANING[cause.type ?? ''] ?? 'unknown', report };
  }
  if (cause instanceof TimeoutFailure) {
    const last = cause.cause instanceof Error ? cause.cause.message : null;
    return { meaning: 'unknown', report: { what: 'no answer in time', where, why: last, wayOut } };
  }
  const what = cause instanceof Error ? cause.message : String(cause);
  return { meaning: 'unknown', report: { what, where, why: null, wayOut } };
}

/** What an activity had reported of itself when nobody heard of it any more; null = it ended otherwise, or said nothing. */
export function lastReported(error: unknown): unknown {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof TimeoutFailure)) return null;
  return error.cause.lastHeartbeatDetails ?? null;
}

function isDetails(value: unknown): value is FailureDetails {
  return (
    typeof value === 'object' && value !== null && 'what' in value && 'where' in value && 'wayOut' in value
  );
}
