/** The start gate: a worker whose code cannot replay what is in flight would wedge those runs, so it does not start. */
import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';

export interface ReplayReport {
  replayed: number;
  failed: { workflowId: string; runId: string; message: string }[];
}

/** Replays the history of every open run on our task queue against `workflowBundle`, as that worker would. Reads only. */
export async function replayOpenHistories(
  client: Client,
  taskQueue: string,
  workflowBundle: WorkflowBundleOption,
  dataConverter: DataConverter,
): Promise<ReplayReport> {
  const report: ReplayReport = { replayed: 0, failed: [] };
  for await (const result of Worker.runReplayHistories(
    { workflowBundle, dataConverter },
    openHistories(client, taskQueue),
  )) {
    report.replayed += 1;
    if (result.error !== undefined) {
      const { workflowId, runId, error } = result;
      report.failed.push({ workflowId, runId, message: error.message });
    }
  }
  return report;
}

async function* openHistories(
  client: Client,
  taskQueue: string,
): AsyncGenerator<{ workflowId: string; history: Awaited<ReturnType<typeof fetchHistory>> }> {
  const query = `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running"`;
  let nextPageToken: Uint8Array | null = null;
  do {
    // Not the client's own list: it opens memos, which may be sealed with keys this worker has not got.
    const page: Awaited<ReturnType<Client['workflowService']['listWorkflowExecutions']>> =
      await client.workflowService.listWorkflowExecutions({
        namespace: client.options.namespace,
        query,
        ...(nextPageToken === null ? {} : { nextPageToken }),
      });
    for (const { execution } of page.executions) {
      const { workflowId, runId } = execution ?? {};
      if (!workflowId || !runId) continue;
      yield { workflowId, history: await fetchHistory(client, workflowId, runId) };
    }
    nextPageToken = page.nextPageToken.length > 0 ? page.nextPageToken : null;
  } while (nextPageToken !== null);
}

function fetchHistory(
  client: Client,
  workflowId: string,
  runId: string,
): ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']> {
  return client.workflow.getHandle(workflowId, runId).fetchHistory();
}
