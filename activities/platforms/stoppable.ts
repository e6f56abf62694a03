/** How an activity that touches platforms is stopped, heard of and named. */
import { activityInfo } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { activitySignal, heartbeatWhile } from '../cancellation.js';
import type { PlatformManners } from './open-platform.js';

/** Heartbeats; a real cancel ends as CancelledFailure, a stopping worker as an error that is tried again. */
export async function stoppable<T>(work: (manners: PlatformManners) => Promise<T>): Promise<T> {
  const { activityId, workflowExecution } = activityInfo();
  // Equal for every attempt, another for a step that a person retries and for a reset run.
  const suffix = `${workflowExecution?.runId.slice(-8) ?? 'alone'}-${activityId}`;
  return await heartbeatWhile<T, string>(async (progress) => {
    const signal = activitySignal();
    try {
      return await work({ progress, signal, operationId: (step) => `${step}-${suffix}` });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw signal.reason === 'kill'
        ? new CancelledFailure('cancelled')
        : new Error('the worker stopped; the next attempt goes on', { cause: error });
    }
  });
}
