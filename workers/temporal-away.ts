import { isGrpcServiceError } from '@temporalio/client';
import { TransportError } from '@temporalio/worker';

/** Cancelled, deadline exceeded, unavailable: what a server that is away, or going, answers with. */
const AWAY = [1, 4, 14];

/** Is it Temporal that did not answer? Clients wrap their service errors, so causes are looked at too. */
export function isTemporalAway(error: unknown): boolean {
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    if (current instanceof TransportError) return true;
    if (isGrpcServiceError(current) && AWAY.includes(current.code)) return true;
  }
  return false;
}
