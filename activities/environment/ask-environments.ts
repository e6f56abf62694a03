/**
 * The four ways a release or promotion talks to an environment. They need a client: a workflow can neither start
 * another one with a signal nor query it.
 */
import { Context } from '@temporalio/activity';
import {
  QueryNotRegisteredError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import type { Activities, EnvironmentAnswer } from '../../workflows/activity-contract.js';
import { goodNow } from '../../workflows/environment-memory.js';
import type {
  Announcement,
  EnvironmentInput,
  EnvironmentRequest,
  EnvironmentStatus,
  Withdrawal,
} from '../../workflows/messages.js';
import { environmentId, QUERY, SIGNAL, WORKFLOW, WORKFLOW_TASK_TIMEOUT_MS } from '../../workflows/names.js';

export interface EnvironmentDeps {
  client: Client;
  /** Where environments run that do not exist yet; default the queue of the activity that speaks to them. */
  taskQueue?: string;
}

export type EnvironmentActivities = Pick<
  Activities,
  'announce' | 'requestChange' | 'withdrawRequest' | 'askEnvironment'
>;

/** The environment is started by the first word to it. Connection errors are thrown as they are and retried. */
export function createEnvironmentActivities(deps: EnvironmentDeps): EnvironmentActivities {
  return {
    announce: async ({ pipeline, environment, announcement }) => {
      const { phase, supersedes, requestId } = announcement;
      await startWithSignal(deps, { pipeline, environment, signal: SIGNAL.announce, payload: announcement });
      const asks = phase === 'building' && supersedes.length === 0;
      return asks ? await askEnvironment(deps, { pipeline, environment, requestId }) : null;
    },
    requestChange: ({ pipeline, environment, request }) =>
      startWithSignal(deps, { pipeline, environment, signal: SIGNAL.request, payload: request }),
    withdrawRequest: ({ pipeline, environment, withdrawal }) =>
      startWithSignal(deps, { pipeline, environment, signal: SIGNAL.withdraw, payload: withdrawal }),
    askEnvironment: (question) => askEnvironment(deps, question),
  };
}

interface Telling {
  pipeline: string;
  environment: string;
  signal: string;
  payload: Announcement | EnvironmentRequest | Withdrawal;
}

async function startWithSignal(
  { client, taskQueue }: EnvironmentDeps,
  { pipeline, environment, signal, payload }: Telling,
): Promise<void> {
  const input: EnvironmentInput = { pipeline, environment, carried: null };
  await client.workflow.signalWithStart(WORKFLOW.environment, {
    workflowId: environmentId(pipeline, environment),
    taskQueue: taskQueue ?? Context.current().info.taskQueue,
    args: [input],
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
    signal,
    signalArgs: [payload],
    staticSummary: `${pipeline} ${environment}: what is live, who is next`,
    staticDetails: [
      `- one change at a time enters, as lane/${pipeline}/${environment}`,
      '- it runs for ever: a cancellation does nothing, and terminating it forgets what is live',
      `- nobody enters: slipway freeze ${environment}`,
    ].join('\n'),
  });
}

const NOBODY: EnvironmentAnswer = {
  result: null,
  live: null,
  knows: false,
  goodCommits: [],
  underway: [],
};

/** An environment that nobody has spoken to yet, or that was lost, knows nothing. */
async function askEnvironment(
  deps: EnvironmentDeps,
  { pipeline, environment, requestId, commit }: Parameters<Activities['askEnvironment']>[0],
): Promise<EnvironmentAnswer> {
  const handle = deps.client.workflow.getHandle(environmentId(pipeline, environment));
  const describing = handle.describe();
  describing.catch(() => {});
  const status = await readStatus(handle);
  if (status === null) return NOBODY;
  const open = (await describing).status.name === 'RUNNING';
  const result = status.processed.find((each) => each.requestId === requestId)?.result ?? null;
  const requests = [...status.queue, ...(status.inFlight === null ? [] : [status.inFlight.request])];
  const announced = await stillAnnounced(deps, status, requestId);
  const good = goodNow(status);
  const { receipts } = good.find((record) => record.commit.sha === commit) ?? {};
  return {
    result,
    live: status.live,
    knows: result !== null || (open && requests.some((request) => request.requestId === requestId)),
    goodCommits: good.map((record) => record.commit.sha),
    ...(receipts === undefined ? {} : { receipts }),
    underway: open ? underwayTo(status, announced, requestId) : [],
  };
}

async function readStatus(handle: WorkflowHandle): Promise<EnvironmentStatus | null> {
  try {
    return await handle.query<EnvironmentStatus>(QUERY.status);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof QueryNotRegisteredError) return null;
    throw error;
  }
}

function underwayTo(
  { queue, inFlight }: EnvironmentStatus,
  announced: Announcement[],
  requestId: string | null,
): EnvironmentAnswer['underway'] {
  const requested = [...queue, ...(inFlight === null ? [] : [inFlight.request])]
    .filter((request) => request.kind === 'deploy' && request.requestId !== requestId)
    .map((request) => ({ commit: request.commit.sha, queue: request.plan.queue }));
  const known = [...announced.map(({ commit, queue }) => ({ commit, queue })), ...requested];
  return [...new Map(known.map((each) => [each.commit, each])).values()];
}

/**
 * A release that was terminated cannot take its word back: it is taken back for it, so that it replaces nobody. Whoever
 * asks for a request of its own under the same workflow id is a later run of it, so that it is dead though the id is
 * open; who asks for none only looks, such as a gate of the very promotion that is announced.
 */
async function stillAnnounced(
  deps: EnvironmentDeps,
  { announced, pipeline, environment, queue, inFlight }: EnvironmentStatus,
  requestId: string | null,
): Promise<Announcement[]> {
  const asker = Context.current().info.workflowExecution?.workflowId;
  const alive: Announcement[] = [];
  for (const announcement of announced) {
    if (announcement.requestId === requestId) continue;
    const requested =
      inFlight?.request.requestId === announcement.requestId ||
      queue.some((request) => request.requestId === announcement.requestId);
    const { workflowId } = announcement;
    const isEarlierRun = requestId !== null && workflowId === asker;
    if (requested || (!isEarlierRun && (await isOpen(deps.client, workflowId)))) alive.push(announcement);
    else {
      const payload: Announcement = { ...announcement, phase: 'ended' };
      await startWithSignal(deps, { pipeline, environment, signal: SIGNAL.announce, payload });
    }
  }
  return alive;
}

async function isOpen(client: Client, workflowId: string): Promise<boolean> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
