/**
 * One environment's releases, back to back: good ones, bad ones, some aborted, some whose change is terminated, some
 * rolled back. It is also the person who says retry when a step holds because the world could not be asked.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowFailedError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { SlipwayClient } from '../../client/release-client.js';
import { EXIT } from '../../client/exit-codes.js';
import { UserError } from '../../client/user-error.js';
import { laneId } from '../../workflows/names.js';
import type { ReleaseResult } from '../../workflows/result.js';
import type { Random } from './random.js';
import type { Quality } from './committer.js';
import type { LaneGround } from './ground.js';

const FATES = [
  [10, 'released'],
  [2, 'sick'],
  [2, 'errs'],
  [2, 'aborted'],
  [2, 'terminated'],
  [2, 'rolled back'],
  [2, 'overtaken'],
] as const;

export type Fate = (typeof FATES)[number][1];

export interface Story {
  version: string;
  environment: string;
  fate: Fate;
  quality: Quality;
  workflowId: string;
  /** How the release ended; null while it has not. */
  end: ReleaseResult | null;
}

export interface LaneReport {
  stories: Story[];
  /** How often a person had to say retry. */
  retries: number;
}

export interface Lane {
  ground: LaneGround;
  environment: string;
  repositoryUrl: string;
  client: SlipwayClient;
  random: Random;
  say: (text: string) => void;
  /** Nothing breaks until what it gives is called. */
  calm: () => Promise<() => void>;
  /** Aborted: nobody waits for this lane any more. */
  isLost: AbortSignal;
}

/** What has not come while things broke gets calm: a slow machine is no stuck lane. */
const DISTURBED_MS = 90_000;
/** Nothing may take longer than this in a world that is whole. */
const PATIENCE_MS = 180_000;

export async function runOne(lane: Lane, version: string, report: LaneReport): Promise<void> {
  const { random, environment, client } = lane;
  const fate = random.pick(FATES);
  const quality: Quality = fate === 'sick' || fate === 'errs' ? fate : 'good';
  const momentMs = random.betweenMs(0, 4000);
  const workflowId = await startRelease(lane, version, quality);
  const story: Story = { version, environment, fate, quality, workflowId, end: null };
  report.stories.push(story);
  if (fate === 'overtaken') return;
  if (fate === 'aborted') {
    await delay(momentMs);
    await insist(lane, () => client.abort(environment)).catch(ignoreRefusal);
  }
  if (fate === 'terminated') {
    await delay(momentMs);
    await insist(lane, () =>
      client.link.client.workflow.getHandle(laneId(client.pipeline, environment)).terminate('chaos'),
    ).catch(ignoreRefusal);
  }
  await untilEnded(lane, story, report);
  if (fate === 'rolled back') {
    const { requestId } = await insist(lane, () => client.requestRollback(environment));
    await until(lane, report, `the rollback ${requestId} of ${environment}`, async () => {
      const status = await client.status(environment);
      return status?.processed.some((each) => each.requestId === requestId) === true;
    });
    lane.say(`${environment} rolled back`);
  }
}

async function startRelease(lane: Lane, version: string, quality: Quality): Promise<string> {
  const { client, repositoryUrl, environment } = lane;
  const { publish, file } = lane.ground;
  const commit = await publish(version, quality);
  const { workflowId } = await insist(lane, () =>
    client.startRelease({
      ...{ repositoryUrl, file },
      ref: { kind: 'tag', name: version },
      ...{ commit, version, to: [environment] },
    }),
  );
  return workflowId;
}

async function untilEnded(lane: Lane, story: Story, report: LaneReport): Promise<void> {
  const handle = lane.client.link.client.workflow.getHandle(story.workflowId);
  await until(lane, report, `${story.workflowId} to end`, async () => {
    const { status } = await handle.describe();
    return status.name !== 'RUNNING';
  });
  story.end = await insist(lane, () => readEnd(handle));
  const { state, headline } = story.end;
  lane.say(`${lane.environment} ${story.version} ${story.fate}: ${state}; ${headline}${sayWhy(story.end)}`);
}

function sayWhy({ failure, promotions }: ReleaseResult): string {
  const found = failure ?? promotions.find((promotion) => promotion.failure !== null)?.failure;
  return found == null ? '' : ` (${found.where}: ${found.what.slice(0, 200)})`;
}

/** A release that failed carries its result as the first detail of its failure. */
async function readEnd(handle: WorkflowHandle): Promise<ReleaseResult> {
  try {
    const result: ReleaseResult = await handle.result();
    return result;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    const [result] = error.cause.details ?? [];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as endRelease wrote it
    return result as ReleaseResult;
  }
}

/** Those that were overtaken, too. */
export async function untilAllEnded(lane: Lane, report: LaneReport): Promise<void> {
  for (const story of report.stories)
    if (story.environment === lane.environment && story.end === null) await untilEnded(lane, story, report);
}

/** Until nothing is queued, announced or in flight here. */
export async function untilIdle(lane: Lane, report: LaneReport): Promise<void> {
  await until(lane, report, `${lane.environment} to be idle`, async () => {
    const status = await lane.client.status(lane.environment);
    return (
      status === null ||
      (status.inFlight === null && status.queue.length === 0 && status.announced.length === 0)
    );
  });
}

/** Polls through whatever is broken at the moment, and does what a person would: says retry to a step that holds. */
async function until(
  lane: Lane,
  report: LaneReport,
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const look = { lane, report, isSo };
  if ((await comesWithin(DISTURBED_MS, look)) === 'came') return;
  lane.say(`  ${lane.environment} gets calm, waiting for ${what}`);
  const goOn = await lane.calm();
  const seen = await comesWithin(PATIENCE_MS, look).finally(goOn);
  if (seen === 'came') return;
  const stuck = await sayWhereItIs(lane);
  throw new Error(`lane ${lane.environment}: waited ${PATIENCE_MS / 1000}s for ${what}; ${stuck}`, {
    cause: seen.lastError,
  });
}

interface Look {
  lane: Lane;
  report: LaneReport;
  isSo: () => Promise<boolean>;
}

async function comesWithin(
  patienceMs: number,
  { lane, report, isSo }: Look,
): Promise<'came' | { lastError: unknown }> {
  const givenUpAt = Date.now() + patienceMs;
  let lastError: unknown = null;
  while (Date.now() < givenUpAt) {
    lane.isLost.throwIfAborted();
    try {
      if (await isSo()) return 'came';
      if (await sayRetry(lane)) report.retries += 1;
    } catch (error) {
      lastError = error;
    }
    await delay(200);
  }
  return { lastError };
}

async function sayWhereItIs({ client, environment }: Lane): Promise<string> {
  try {
    const progress = await client.progress(laneId(client.pipeline, environment));
    return progress === null
      ? 'no change is in it'
      : `${progress.headline}: ${progress.failure?.what ?? progress.waitingFor}`;
  } catch (error) {
    return `its change cannot be asked: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function sayRetry({ client, environment, say }: Lane): Promise<boolean> {
  const progress = await client.progress(laneId(client.pipeline, environment));
  if (progress?.state !== 'waiting') return false;
  say(`! ${environment} ${progress.version} waits for ${progress.waitingFor}: ${progress.failure?.what}`);
  await client.retry(environment);
  return true;
}

/** Again while Temporal or the workers are away; a refusal is an answer. */
export async function insist<T>(
  { say, isLost }: Pick<Lane, 'say' | 'isLost'>,
  ask: () => Promise<T>,
): Promise<T> {
  const givenUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    isLost.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      const isAnswer =
        error instanceof WorkflowNotFoundError ||
        (error instanceof UserError && error.exit !== EXIT.unreachable);
      if (isAnswer || Date.now() > givenUpAt) throw error;
      say(`  asks again: ${error instanceof Error ? error.message : String(error)}`);
      await delay(300);
    }
  }
}

function ignoreRefusal(error: unknown): void {
  if (error instanceof WorkflowNotFoundError || error instanceof UserError) return;
  throw error;
}
