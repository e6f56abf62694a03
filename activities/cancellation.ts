/**
 * Why an activity was asked to stop, as an AbortSignal whose `reason` is a word:
 * `kill`   the workflow really cancelled: end what runs on the host, confirmed;
 * `detach` everything else (worker shutdown, timeout, pause, reset, run not found): leave it running, a retry or
 *          the next holder attaches or fences.
 */
import { Context } from '@temporalio/activity';
import { CancelledFailure, type ActivityCancellationDetails } from '@temporalio/common';

export type StopReason = 'kill' | 'detach';

/** What a heartbeat carries: the journal on the host is the truth, this only says where to go on reading. */
export interface LongCommandProgress {
  operationId: string;
  offset: number;
}

/** The server hears from us this often; the worker's throttle is set to the same. */
const HEARTBEAT_MS = 500;

/** Why an activity's context was cancelled. No details = not a cancel we can be sure of = detach. */
export function stopReason(details: ActivityCancellationDetails | undefined): StopReason {
  if (details === undefined) return 'detach';
  const otherwise =
    details.workerShutdown || details.timedOut || details.paused || details.reset || details.notFound;
  return details.cancelRequested && !otherwise ? 'kill' : 'detach';
}

/** The current activity's signal, with `reason` `kill` or `detach`. Needs heartbeats to hear of a cancel. */
export function activitySignal(): AbortSignal {
  const context = Context.current();
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort(stopReason(context.cancellationDetails));
  };
  if (context.cancellationSignal.aborted) abort();
  else context.cancellationSignal.addEventListener('abort', abort, { once: true });
  return controller.signal;
}

/**
 * What an activity that only looks ends with when `signal` stopped it: cancelled for a real cancel, else a retryable
 * error, so that the next attempt goes on.
 */
export function stoppedFailure(signal: AbortSignal, what: string, cause: unknown): Error {
  const stopped: StopReason = signal.reason === 'kill' ? 'kill' : 'detach';
  return stopped === 'kill'
    ? new CancelledFailure(`${what}: cancelled`)
    : new Error(`${what}: the worker stopped, the next attempt goes on`, { cause });
}

/**
 * Heartbeats every 500 ms while `work` runs, with the latest progress it reported. The heartbeat is what brings a
 * cancel, so it goes on without progress too; what an earlier attempt reported is kept until `work` says more. The first
 * is sent at once: an attempt that Temporal no longer waits for is told so before it has done much.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- callers pin the one shape they report
export async function heartbeatWhile<T, Progress = LongCommandProgress>(
  work: (report: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let latest: unknown = context.info.heartbeatDetails ?? null;
  const beat = (): void => {
    context.heartbeat(latest);
  };
  beat();
  const timer = setInterval(beat, HEARTBEAT_MS);
  try {
    return await work((progress) => {
      latest = progress;
    });
  } finally {
    clearInterval(timer);
  }
}

/** What the previous attempt last reported; null on the first attempt or when it is not ours to read. */
export function lastProgress(): LongCommandProgress | null {
  const details: unknown = Context.current().info.heartbeatDetails;
  if (typeof details !== 'object' || details === null) return null;
  const { operationId, offset } = details as Partial<Record<string, unknown>>;
  if (typeof operationId !== 'string' || typeof offset !== 'number') return null;
  return Number.isSafeInteger(offset) && offset >= 0 ? { operationId, offset } : null;
}
