/** Following work in Temporal: questions at growing intervals while it changes, the result the moment it ends. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { EnvironmentStatus, ProgressStatus, ReleaseStatus } from '../workflows/messages.js';
import { environmentId, laneId, recoveredBy } from '../workflows/names.js';
import type { ChangeResult, PromotionResult, ReleaseResult } from '../workflows/result.js';
import { askStatus, unlessUnknown } from './ask-status.js';
import { readResult } from './answers/read-answer.js';
import { isNoAnswer, type TemporalLink } from './connect.js';
import {
  isChanging,
  type ShownProgress,
  withChange,
  withLive,
  withQueue,
  withRecovered,
  withResult,
} from './merge-progress.js';
import { askTrouble, withTrouble } from './trouble.js';
import { UserError } from './user-error.js';

/** One change worth showing. */
export type Progress =
  | { kind: 'release'; workflowId: string; status: ReleaseStatus }
  | { kind: 'progress'; workflowId: string; status: ShownProgress }
  /** Nobody answers at the moment; followed on until patience ends. */
  | { kind: 'silence'; error: UserError };

export interface FollowOptions {
  /** `waiting` = until nothing goes on without a person. */
  until?: 'waiting' | 'done';
  timeoutMs?: number | null;
  /** Ends the view, never the work. */
  signal?: AbortSignal;
  /** How long silence is borne before it is an error (exit 8). */
  patienceMs?: number;
}

/** How a run ended. `result` is null when it was terminated or failed without saying more than `failure`. */
export interface RunEnd<Result> {
  result: Result | null;
  failure: { message: string; type: string | null } | null;
}

export type FollowEnd<Result> =
  ({ how: 'ended' } & RunEnd<Result>) | { how: 'waiting' } | { how: 'timeout' } | { how: 'interrupted' };

const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 2_000;
const PATIENCE_MS = 60_000;
/** What is longer is over at once. */
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

/** What one look finds. */
interface Look {
  seen: Progress[];
  /** Nothing moves until a person decides. */
  waitsForPerson: boolean;
}

const NOTHING_SEEN: Look = { seen: [], waitsForPerson: false };

/** Follows a release and its promotions, each with its change. */
export function followRelease(link: TemporalLink, handle: WorkflowHandle, options: FollowOptions = {}) {
  const look = async (): Promise<Look> => {
    const status = await queryWithTrouble<ReleaseStatus>(link, handle);
    const seen: Progress[] = [{ kind: 'release', workflowId: handle.workflowId, status }];
    const states: ProgressStatus[] = [];
    for (const { workflowId } of status.promotions) {
      const promotion = await lookAtPromotion(link, workflowId);
      states.push(promotion);
      seen.push({ kind: 'progress', workflowId, status: promotion });
    }
    const stillMoves = states.some(({ state }) => state === 'pending' || state === 'running');
    return { seen, waitsForPerson: !stillMoves && states.some(({ state }) => state === 'waiting') };
  };
  return follow<ReleaseResult>(link, handle, options, look, (progress, { promotions }) => {
    const result = promotions.find(({ environment }) => environment === progress.environment);
    return result === undefined ? progress : withResult(progress, result);
  });
}

/** Follows one promotion and its change. */
export function followPromotion(link: TemporalLink, handle: WorkflowHandle, options: FollowOptions = {}) {
  return follow<PromotionResult>(
    link,
    handle,
    options,
    () => lookAtOne(lookAtPromotion(link, handle.workflowId), handle),
    withResult,
  );
}

/**
 * Follows one change. One that died (terminated, failed) is undone by another run under its name: that is followed on,
 * and the end is what the environment says of the request.
 */
export function followChange(link: TemporalLink, handle: WorkflowHandle, options: FollowOptions = {}) {
  const lane = link.client.workflow.getHandle(handle.workflowId);
  let died = false;
  const lookAtRequest = async (): Promise<ShownProgress> => {
    const own = await lookAtChange(link, handle);
    const last = died ? await lookAtChange(link, lane) : own;
    return requestOf(last) === requestOf(own) ? last : own;
  };
  const awaitRequest = async (leaving: AbortSignal): Promise<RunEnd<ChangeResult>> => {
    const end = await awaitEnd<ChangeResult>(link, handle, leaving);
    if (end.result !== null) return end;
    died = true;
    return { ...end, result: await awaitRecovered(link, handle, leaving) };
  };
  const conclude = (progress: ShownProgress, result: ChangeResult): ShownProgress =>
    died ? withRecovered(progress, result) : progress;
  return follow(link, handle, options, () => lookAtOne(lookAtRequest(), handle), conclude, awaitRequest);
}

async function lookAtOne(asking: Promise<ShownProgress>, { workflowId }: WorkflowHandle): Promise<Look> {
  const status = await asking;
  return { seen: [{ kind: 'progress', workflowId, status }], waitsForPerson: status.state === 'waiting' };
}

/** While its change is in the lane, the lane knows what happens and what is waited for. */
async function lookAtPromotion(link: TemporalLink, workflowId: string): Promise<ShownProgress> {
  const { workflow } = link.client;
  const promotion = await queryWithTrouble<ProgressStatus>(link, workflow.getHandle(workflowId));
  const environment = await lookAtEnvironment(link, promotion);
  const live = environment?.live ?? null;
  if (!isChanging(promotion)) return withLive(withQueue(promotion, environment), live);
  const lane = workflow.getHandle(laneId(promotion.pipeline, promotion.environment));
  const change = await unlessUnknown(queryWithTrouble<ProgressStatus>(link, lane));
  return withLive(withChange(promotion, change), live);
}

async function lookAtChange(link: TemporalLink, handle: WorkflowHandle): Promise<ShownProgress> {
  const change = await queryWithTrouble<ProgressStatus>(link, handle);
  return withLive(change, (await lookAtEnvironment(link, change))?.live ?? null);
}

/** What it serves, as far as it has settled, and what it waits for. */
async function lookAtEnvironment(
  link: TemporalLink,
  { pipeline, environment }: ProgressStatus,
): Promise<EnvironmentStatus | null> {
  const handle = link.client.workflow.getHandle(environmentId(pipeline, environment));
  return await unlessUnknown(askStatus<EnvironmentStatus>(link, handle));
}

async function queryWithTrouble<Status extends ReleaseStatus | ProgressStatus>(
  link: TemporalLink,
  handle: WorkflowHandle,
): Promise<Status> {
  const [status, trouble] = await Promise.all([
    askStatus<Status>(link, handle),
    askTrouble(link, handle.workflowId),
  ]);
  return withTrouble(status, trouble);
}

async function* follow<Result>(
  link: TemporalLink,
  handle: WorkflowHandle,
  options: FollowOptions,
  look: () => Promise<Look>,
  conclude: (progress: ShownProgress, result: Result) => ShownProgress,
  awaiting: (leaving: AbortSignal) => Promise<RunEnd<Result>> = (leaving) =>
    awaitEnd<Result>(link, handle, leaving),
): AsyncGenerator<Progress, FollowEnd<Result>> {
  const leaving = new AbortController();
  // each long poll for the end adds a listener and keeps it; a release may be followed for days
  setMaxListeners(0, leaving.signal);
  const deadline = options.timeoutMs == null ? null : Date.now() + options.timeoutMs;
  const shown = new Map<string, string>();
  let end: RunEnd<Result> | null = null;
  const ended = awaiting(leaving.signal).then((value) => {
    end = value;
  });
  const interrupted = new Promise<void>((resolve) => {
    options.signal?.addEventListener('abort', () => resolve(), { once: true, signal: leaving.signal });
  });
  // a look may take long: a release may say that it has a thousand promotions
  const late =
    deadline === null
      ? interrupted
      : sleep(Math.min(deadline - Date.now(), LONGEST_SLEEP_MS), undefined, { signal: leaving.signal }).catch(
          () => undefined,
        );
  let silentSince: number | null = null;
  let pauseMs = SHORTEST_PAUSE_MS;
  try {
    for (;;) {
      if (options.signal?.aborted === true) return { how: 'interrupted' };
      const last = end as RunEnd<Result> | null;
      let found: Look | UserError;
      try {
        found = await Promise.race([look(), Promise.race([interrupted, late]).then(() => NOTHING_SEEN)]);
      } catch (error) {
        // A promotion announced by its release may be a moment from existing.
        if (error instanceof WorkflowNotFoundError && error.workflowId !== handle.workflowId)
          found = NOTHING_SEEN;
        else if (error instanceof UserError) found = error;
        else throw error;
      }
      const changes: Progress[] = [];
      if (found instanceof UserError) {
        if (last !== null) return { how: 'ended', ...last };
        if (silentSince === null) changes.push({ kind: 'silence', error: found });
        silentSince ??= Date.now();
        if (Date.now() - silentSince > (options.patienceMs ?? PATIENCE_MS)) throw found;
      } else {
        silentSince = null;
        for (const seen of found.seen) {
          if (seen.kind === 'silence') continue;
          const result = last?.result ?? null;
          const progress =
            seen.kind === 'progress' && result !== null
              ? { ...seen, status: conclude(seen.status, result) }
              : seen;
          const text = JSON.stringify(progress.status);
          if (shown.get(progress.workflowId) !== text) changes.push(progress);
          shown.set(progress.workflowId, text);
        }
      }
      yield* changes;
      if (last !== null) return { how: 'ended', ...last };
      if (options.until === 'waiting' && !(found instanceof UserError) && found.waitsForPerson)
        return { how: 'waiting' };
      if (deadline !== null && Date.now() >= deadline) return { how: 'timeout' };
      pauseMs = changes.length > 0 ? SHORTEST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5);
      const restMs = deadline === null ? pauseMs : Math.min(pauseMs, Math.max(0, deadline - Date.now()));
      await Promise.race([ended, interrupted, sleep(restMs, undefined, { signal: leaving.signal })]);
    }
  } finally {
    leaving.abort();
  }
}

/** Resolves when the run has ended, whatever happens to the connection meanwhile; never rejects. */
async function awaitEnd<Result>(
  link: TemporalLink,
  handle: WorkflowHandle,
  leaving: AbortSignal,
): Promise<RunEnd<Result>> {
  const isGone = (): boolean => leaving.aborted;
  while (!isGone()) {
    try {
      const answer = await link.client.connection.withAbortSignal(leaving, () => handle.result());
      const result = readResult<Result>(handle.workflowId, answer);
      return { result, failure: result === null ? NO_RESULT : null };
    } catch (error) {
      if (error instanceof WorkflowFailedError) return readFailure<Result>(handle.workflowId, error);
      if (isNoAnswer(error)) return { result: null, failure: NO_RESULT };
      // The long poll broke off; the questions beside it tell of a lasting silence.
      if (!isGone()) await sleep(SHORTEST_PAUSE_MS);
    }
  }
  return { result: null, failure: null };
}

/** What the environment says of a change that died, once it is undone; never rejects. null = it knows nothing of it. */
async function awaitRecovered(
  link: TemporalLink,
  handle: WorkflowHandle,
  leaving: AbortSignal,
): Promise<ChangeResult | null> {
  while (!leaving.aborted) {
    try {
      const change = await askStatus<ProgressStatus>(link, handle);
      const requestId = requestOf(change);
      const environment = await lookAtEnvironment(link, change);
      const done = environment?.processed.find((one) => one.requestId === requestId);
      if (done !== undefined) return done.result;
      if (environment?.inFlight?.request.requestId !== requestId) return null;
    } catch {
      // The questions beside it tell of a lasting silence.
    }
    await sleep(SHORTEST_PAUSE_MS, undefined, { signal: leaving }).catch(() => undefined);
  }
  return null;
}

function requestOf({ switching }: ProgressStatus): string | null {
  return switching === undefined ? null : recoveredBy(switching.requestId);
}

const NO_RESULT = { message: 'it ended with something that is no result of ours', type: null };

/** A failed run carries its result as the first detail of its failure. */
function readFailure<Result>(workflowId: string, error: WorkflowFailedError): RunEnd<Result> {
  const { cause } = error;
  const message = cause?.message ?? error.message;
  if (!(cause instanceof ApplicationFailure))
    return { result: null, failure: { message, type: cause?.name ?? null } };
  const result = readResult<Result>(workflowId, cause.details?.[0]);
  return { result, failure: { message, type: cause.type ?? null } };
}
