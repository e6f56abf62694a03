/** Runs of the sealed scene: what they have seen, and what a stranger says in the name of their activities. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { SealedActivities, Seen } from './fixtures/sealed-workflows.js';
import { NAMESPACE, payloadsOf, type SealedScene } from './sealed-scene.js';
import { until } from './workflow-harness.js';

export interface SealedRuns {
  start(workflow: string, args: unknown[], workflowId?: string): Promise<WorkflowHandle>;
  /** A run whose first activity is under way. */
  startWaiting(
    activity: keyof SealedActivities,
    workflowId?: string,
  ): Promise<{ handle: WorkflowHandle; letGo: () => void }>;
  /** A parent whose child is on a task queue that only a worker without the keys polls. */
  startUnderStranger(): Promise<{ handle: WorkflowHandle; end: () => Promise<void> }>;
  /** What a stranger can say to the server in the name of activity 1. */
  forge(handle: WorkflowHandle, payload: Payload | null, activityId?: string): Promise<void>;
  /** What the activity under way has left for its next attempt. */
  heartbeatOf(handle: WorkflowHandle): Promise<Payload>;
}

/** `memo` is given to every run. */
export function sealedRuns(of: () => SealedScene, memo: string): SealedRuns {
  const runs: SealedRuns = {
    start: async (workflow, args, workflowId = `sealed-${randomUUID()}`) => {
      const { client, taskQueue } = of();
      return client.workflow.start(workflow, { taskQueue, workflowId, args, memo: { memo } });
    },
    startWaiting: async (activity, workflowId) => {
      const text = `wait ${randomUUID()}`;
      const handle = await runs.start('ask', [activity, [{ text }]], workflowId);
      const letGo = await until('the activity runs', () => of().waiting.get(text));
      return { handle, letGo };
    },
    startUnderStranger: async () => {
      const taskQueue = `stranger-${randomUUID()}`;
      const end = await of().startStranger(taskQueue);
      return { handle: await runs.start('raise', ['lie', `child-${randomUUID()}`, taskQueue]), end };
    },
    forge: async ({ workflowId }, payload, activityId = '1') => {
      const result = payload === null ? {} : { result: { payloads: [payload] } };
      const place = { namespace: NAMESPACE, workflowId, activityId };
      await of().stranger.workflowService.respondActivityTaskCompletedById({ ...place, ...result });
    },
    heartbeatOf: (handle) =>
      until('a heartbeat', async () => {
        const { raw } = await handle.describe();
        return raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0];
      }),
  };
  return runs;
}

export async function sealedIn(handle: WorkflowHandle, event: string): Promise<Payload> {
  const found = (await payloadsOf(handle)).find((each) => each.event === event);
  if (found === undefined) throw new Error(`no payload in ${event}`);
  return found.payload;
}

export async function firstSeen(handle: WorkflowHandle): Promise<Seen> {
  const [seen] = (await handle.result()) as Seen[];
  if (seen === undefined) throw new Error('nothing seen');
  return seen;
}

/** What the run has seen of its activity: null when it did not refuse it, else why it did. */
export function whyRefused(seen: Seen | undefined): string | null {
  if (seen?.answer !== null || seen.failure?.type !== 'ForgedAnswer') return null;
  return /\((.*?)\)/.exec(seen.failure.message)?.[1] ?? '';
}
