/** The start gate: a worker whose code cannot replay what is in flight would wedge those runs, so it does not start. */
import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { PayloadKeys } from '../payloads/payload-keys.js';
import { isSealed } from '../payloads/seal.js';

export interface ReplayReport {
  replayed: number;
  failed: { workflowId: string; runId: string; message: string }[];
}

export interface ReplayAs {
  taskQueue: string;
  workflowBundle: WorkflowBundleOption;
  dataConverter: DataConverter;
  /** null = payloads are not sealed. */
  keys: PayloadKeys | null;
}

interface OpenRun {
  workflowId: string;
  runId: string;
  history: Awaited<ReturnType<typeof fetchHistory>>;
}

/** Replays the history of every open run on the task queue, as that worker would. Reads only. */
export async function replayOpenHistories(client: Client, as: ReplayAs): Promise<ReplayReport> {
  const { workflowBundle, dataConverter, keys } = as;
  const report: ReplayReport = { replayed: 0, failed: [] };
  async function* replayable(): AsyncGenerator<OpenRun> {
    for await (const run of openRuns(client, as.taskQueue)) {
      // Its answers would be refused one by one, and not every run fails for it: some would go on with another past.
      const isOlder = keys !== null && !keys.acceptPlaintext && hasAskedInPlaintext(run.history);
      if (!isOlder) yield run;
      else {
        const message =
          'it has asked activities in plaintext, before there were payload keys; put the line accept-plaintext into the key file';
        report.replayed += 1;
        report.failed.push({ workflowId: run.workflowId, runId: run.runId, message });
      }
    }
  }
  const runs = replayable();
  const first = await runs.next();
  // most workers find nothing open: no thread for nothing
  if (first.done === true) return report;
  async function* all(opened: OpenRun): AsyncGenerator<OpenRun> {
    yield opened;
    yield* runs;
  }
  // On a thread, as workflows run later: on this one the SDK would leave hooks behind that slow down every promise after it.
  const options = { workflowBundle, dataConverter, debugMode: false };
  for await (const result of Worker.runReplayHistories(options, all(first.value))) {
    report.replayed += 1;
    if (result.error !== undefined) {
      const { workflowId, runId, error } = result;
      report.failed.push({ workflowId, runId, message: error.message });
    }
  }
  return report;
}

async function* openRuns(client: Client, taskQueue: string): AsyncGenerator<OpenRun> {
  const { namespace } = client.options;
  const query = `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running"`;
  let nextPageToken: Uint8Array | null = null;
  do {
    // Not the client's own list: it opens memos, which may be sealed with keys this worker has not got.
    const page: Awaited<ReturnType<Client['workflowService']['listWorkflowExecutions']>> =
      await client.workflowService.listWorkflowExecutions({ namespace, query, nextPageToken });
    for (const { execution } of page.executions) {
      const { workflowId, runId } = execution ?? {};
      if (!workflowId || !runId) continue;
      yield { workflowId, runId, history: await fetchHistory(client, workflowId, runId) };
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

/** By its questions, not by the answers: those may be a stranger's, which are refused and leave the run as it is. */
function hasAskedInPlaintext({ events }: OpenRun['history']): boolean {
  return (events ?? []).some((event) => {
    const asked =
      event.activityTaskScheduledEventAttributes ?? event.startChildWorkflowExecutionInitiatedEventAttributes;
    return (asked?.input?.payloads ?? []).some((payload) => !isSealed(payload));
  });
}
