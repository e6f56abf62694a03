import { ApplicationFailure } from '@temporalio/common';
import { FAILURE, type FailureDetails } from '../workflows/failures.js';

function failure(type: string, details: FailureDetails): ApplicationFailure {
  const why = details.why === null ? null : details.why.slice(-2048);
  return ApplicationFailure.create({
    type,
    nonRetryable: true,
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
