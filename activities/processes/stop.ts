import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { activitySignal, heartbeatWhile } from '../cancellation.js';

/**
 * Heartbeats while `work` runs and gives it the activity's signal. When that was aborted, the activity ends as
 * cancelled (`kill`), or with a retryable failure: the next attempt does the work again.
 */
export async function stoppable<T>(
  what: string,
  work: (signal: AbortSignal, report: (progress: string) => void) => Promise<T>,
): Promise<T> {
  return await heartbeatWhile<T, string>(async (report) => {
    const signal = activitySignal();
    try {
      return await work(signal, report);
    } catch (error) {
      if (!signal.aborted) throw error;
      if (signal.reason === 'kill') throw new CancelledFailure(`${what} was cancelled`);
      const cause = error instanceof Error ? error : new Error(String(error));
      throw ApplicationFailure.fromError(cause, { message: `${what} was interrupted`, type: 'Interrupted' });
    }
  });
}
