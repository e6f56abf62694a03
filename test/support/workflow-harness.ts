/** Workers with fake activities on the run's Temporal server, on task queues of the test file's own. */
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createRetries } from '../../client/retries.js';
import type { Activities } from '../../workflows/activity-contract.js';
import { createFakeActivities, type FakeOptions } from './fake-activities.js';
import { createWorld, type World } from './fake-world.js';
import { startWorkers } from './workers.js';

export { until } from './until.js';
export { quiet } from './workers.js';

export interface Harness {
  client: Client;
  taskQueue: string;
  world: World;
  activities: Activities;
  /** Ends workers and connections. */
  close(): Promise<void>;
}

export interface HarnessOptions extends Omit<FakeOptions, 'world' | 'client' | 'taskQueue'> {
  world?: World;
  /** false: the test brings its own worker processes. */
  workers?: boolean;
  /** Another server than the test run's: the time-skipping one, or that of a program that is no test (with its bundle). */
  elsewhere?: { address: string; client?: Client; bundle?: string };
}

/** Two workers as in production: one for all, one for what must never wait. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { world = createWorld(), workers = true, elsewhere, ...fakes } = options;
  const address = elsewhere?.address ?? (await provided('temporalAddress'));
  const taskQueue = `test-${randomUUID()}`;
  const retries = createRetries();
  const connection = await Connection.connect({ address, interceptors: retries.interceptors });
  const client = elsewhere?.client ?? new Client({ connection });
  const activities = createFakeActivities({ ...fakes, world, client, taskQueue });
  const ends: (() => Promise<void> | void)[] = [retries.end, () => connection.close()];
  if (workers) {
    const native = await NativeConnection.connect({ address });
    const both = await startWorkers(
      native,
      taskQueue,
      elsewhere?.bundle ?? (await provided('workflowBundle')),
      activities,
    );
    ends.unshift(both, () => native.close());
  }
  return {
    client,
    taskQueue,
    world,
    activities,
    close: async () => {
      for (const end of ends) await end();
    },
  };
}

/** Only inside vitest, which is therefore not imported where it does not run. */
async function provided(what: 'temporalAddress' | 'workflowBundle'): Promise<string> {
  const { inject } = await import('vitest');
  return inject(what);
}
