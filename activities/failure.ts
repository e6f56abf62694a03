import { ApplicationFailure } from '@temporalio/common';
import { FAILURE, type FailureDetails } from '../workflows/failures.js';

function failure(type: string, details: FailureDetails, nonRetryable = true): ApplicationFailure {
  const why = details.why === null ? null : details.why.slice(-2048);
  return ApplicationFailure.create({
    type,
    nonRetryable,
    message: `${details.where}: ${details.what}; ${details.wayOut}`,
    details: [{ ...details, why }],
  });
}

/** The world said no and will say so again. */
export function refused(details: FailureDetails): ApplicationFailure {
  return failure(FAILURE.refused, details);
}

/** A target has seen a higher token. */
export function staleFence(details: FailureDetails): ApplicationFailure {
  return failure(FAILURE.staleFence, details);
}

/** Compare-and-set found another hand's work. */
export function foreignHand(details: FailureDetails): ApplicationFailure {
  return failure(FAILURE.foreignHand, details);
}

/** The user's mistake; nothing was touched. */
export function badInput(details: FailureDetails): ApplicationFailure {
  return failure(FAILURE.badInput, details);
}

/** What was given to an activity is not vouched for; nothing was touched. */
export function unauthorized(details: FailureDetails): ApplicationFailure {
  return failure(FAILURE.unauthorized, details);
}

export const UNREACHABLE = 'Unreachable';

/** The world could not be asked (connection refused, timeout, DNS): retried, since it may answer later. */
export function unreachable(details: FailureDetails): ApplicationFailure {
  return failure(UNREACHABLE, details, false);
}

/** The world said no, whoever is asked again. */
export function isRefusal(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type === FAILURE.refused;
}

/** What an error says in one phrase, without where and way out. */
export function whatOf(error: unknown): string {
  return detailsOf(error)?.what ?? (error instanceof Error ? error.message : String(error));
}

/** What a failure of this file says; null for any other error. */
export function detailsOf(error: unknown): Partial<FailureDetails> | null {
  const first: unknown = error instanceof ApplicationFailure ? error.details?.[0] : null;
  return typeof first === 'object' ? first : null;
}
