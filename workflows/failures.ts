/**
 * How activities say no. `type` is what workflows look at; messages are for people.
 * - `Refused`     the world said no, and will again: never retried.
 * - `StaleFence`  a target has seen a higher token: another change owns it; never retried.
 * - `ForeignHand` compare-and-set found something we did not write: never retried, parks.
 * - `Unauthorized` no worker trusted here vouches for what an activity was given: never retried, nothing touched.
 * - `BadInput`    the user's mistake (file, ref, tag): never retried, nothing touched.
 * Everything else (connection lost, server busy) is retried by Temporal.
 */
export const FAILURE = {
  refused: 'Refused',
  staleFence: 'StaleFence',
  foreignHand: 'ForeignHand',
  badInput: 'BadInput',
  unauthorized: 'Unauthorized',
} as const;

/** No failure: what is waited for has not come yet, and is asked for again. */
export const STILL_WAITS = 'StillWaits';

export const NON_RETRYABLE: string[] = Object.values(FAILURE);

/** First `details` entry of every non-retryable failure. */
export interface FailureDetails {
  what: string;
  /** `prod host web-2` or `slipway.yaml:3:27`. */
  where: string;
  /** Up to 2 KB of the log that explains it. */
  why: string | null;
  wayOut: string;
  /** StaleFence: the token the target has seen; an environment that lost its memory goes on above it. */
  seenToken?: number;
}

/** Failure types of the runs themselves; the first `details` entry is the ReleaseResult or PromotionResult. */
export const ENDED = { release: 'ReleaseFailed', promotion: 'PromotionFailed' } as const;
