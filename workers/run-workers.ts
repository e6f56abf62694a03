/** Two workers in one process: everything on the main queue, and the way back on the urgent one. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  type NativeConnection,
  Worker,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { Secrets } from '../activities/secrets/secrets.js';
import { withholdSecrets } from '../activities/secrets/withhold-secrets.js';
import type { PolicyStore } from '../activities/trust/policy-store.js';
import type { SealKeys } from '../activities/trust/seal-keys.js';
import { putInTargets } from '../activities/environment/lane-target.js';
import { createVouching } from '../activities/trust/vouching.js';
import { upcastPlans } from '../activities/upcast-plans.js';
import { sealedBundleOptions } from '../payloads/data-converters.js';
import { refuseForged } from '../payloads/worker-side.js';
import type { Activities } from '../workflows/activity-contract.js';
import type { WorkerConfiguration } from './configuration.js';

/**
 * The bundle made at build time; from sources (tests, development) it is made now. `sealed`: the one whose workflows take
 * no answer that was not sealed.
 */
export async function loadWorkflowBundle(sealed: boolean): Promise<WorkflowBundleOption> {
  const name = sealed ? '../workflow-bundle-sealed.js' : '../workflow-bundle.js';
  const built = fileURLToPath(new URL(name, import.meta.url));
  if (existsSync(built)) return { codePath: built };
  const workflowsPath = fileURLToPath(new URL('../workflows/index.js', import.meta.url));
  return bundleWorkflowCode({ workflowsPath, ...(sealed ? sealedBundleOptions() : {}) });
}

/** To one Temporal, twice: workers poll by the one, activities ask by the other. */
export interface Connected {
  connection: NativeConnection;
  client: Client;
  namespace: string;
}

/** What a worker believes, what it allows, and what it keeps to itself. */
export interface Trust {
  sealKeys: SealKeys;
  policy: PolicyStore;
  secrets: Secrets;
}

export interface RunningWorkers {
  /** State per task queue, for the health endpoint. */
  states(): Record<string, string>;
  /** Resolves when both have drained; rejects when one failed. */
  done: Promise<void>;
  /** Stops polling, lets activities detach within the grace time, then ends. */
  shutdown(): void;
}

export async function runWorkers(
  { connection, client, namespace }: Connected,
  workflowBundle: WorkflowBundleOption,
  activities: Activities,
  trust: Trust,
  dataConverter: DataConverter,
  configuration: WorkerConfiguration,
): Promise<RunningWorkers> {
  const common = {
    connection,
    namespace,
    dataConverter,
    // A cancel reaches an activity with its next heartbeat: the default throttle made an abort take 20 s and more.
    maxHeartbeatThrottleInterval: '500ms',
    defaultHeartbeatThrottleInterval: '500ms',
    shutdownGraceTime: configuration.shutdownGraceMs,
    shutdownForceTime: configuration.shutdownGraceMs + 20_000,
  } as const;
  const interceptors = {
    activity: [
      withholdSecrets(trust.secrets),
      refuseForged,
      putInTargets(client),
      createVouching(trust.sealKeys, trust.policy),
      upcastPlans,
    ],
  };
  const main = await Worker.create({
    ...common,
    interceptors,
    taskQueue: configuration.taskQueue,
    workflowBundle,
    activities,
    // When a worker is killed, its cached workflows move to another one after this long (default 10 s).
    stickyQueueScheduleToStartTimeout: '1s',
    maxCachedWorkflows: configuration.maxCachedWorkflows,
    maxConcurrentActivityTaskExecutions: configuration.maxConcurrentActivities,
  });
  const urgentQueue = `${configuration.taskQueue}-urgent`;
  const urgent = await Worker.create({ ...common, interceptors, taskQueue: urgentQueue, activities });
  const workers = { [configuration.taskQueue]: main, [urgentQueue]: urgent };
  const shutdown = (): void => {
    for (const worker of Object.values(workers)) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const done = Promise.all(Object.values(workers).map((worker) => worker.run().finally(shutdown)));
  return {
    states: () =>
      Object.fromEntries(Object.entries(workers).map(([queue, worker]) => [queue, worker.getState()])),
    done: done.then(() => undefined),
    shutdown,
  };
}
