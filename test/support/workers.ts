/** Two workers as in production: one for everything, one for what must never wait. */
import { type NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../../workflows/activity-contract.js';

/** Runs both workers until the answer is called. */
export async function startWorkers(
  connection: NativeConnection,
  taskQueue: string,
  bundle: string,
  activities: Activities,
): Promise<() => Promise<void>> {
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    activities,
    maxHeartbeatThrottleInterval: '200ms',
    shutdownGraceTime: '1s',
    shutdownForceTime: '5s',
  };
  const workers = [
    await Worker.create({
      ...common,
      taskQueue,
      workflowBundle: { code: bundle },
      stickyQueueScheduleToStartTimeout: '1s',
    }),
    await Worker.create({ ...common, taskQueue: `${taskQueue}-urgent` }),
  ];
  const running = workers.map((worker) => worker.run());
  return async () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.all(running);
  };
}

/** Native logs of a worker are noise in a test's output. */
export function quiet(): void {
  Runtime.install({ logger: { log: none, trace: none, debug: none, info: none, warn: none, error: none } });
}

function none(): void {
  return;
}
