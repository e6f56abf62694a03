/** The runs of a release's workflow id: queries need a worker, what is read here does not. */
import { unlessUnknown } from './ask-status.js';
import type { TemporalLink } from './connect.js';
import { quoted } from './visibility-query.js';

export interface ReleaseRun {
  workflowId: string;
  runId: string;
  /** null = it is under way. */
  closedAtMs: number | null;
  /** As its memo says. */
  requestId: unknown;
  aim: unknown;
}

/** Without `runId` the latest one; null = there is none. */
export async function findRun(
  link: TemporalLink,
  workflowId: string,
  runId?: string,
): Promise<ReleaseRun | null> {
  const handle = link.client.workflow.getHandle(workflowId, runId);
  const found = await unlessUnknown(link.ask(() => handle.describe()));
  return found === null ? null : toRun(found);
}

/** Among all runs of the id, which a release with another aim may have taken over since. */
export async function findRunWhere(
  link: TemporalLink,
  workflowId: string,
  wanted: (run: ReleaseRun) => boolean,
): Promise<ReleaseRun | null> {
  return link.ask(async () => {
    const query = `WorkflowId = ${quoted(workflowId)}`;
    for await (const found of link.client.workflow.list({ query })) {
      const run = toRun(found);
      if (wanted(run)) return run;
    }
    return null;
  });
}

interface Described {
  workflowId: string;
  runId: string;
  closeTime?: Date;
  memo?: Record<string, unknown>;
}

function toRun({ workflowId, runId, closeTime, memo }: Described): ReleaseRun {
  return {
    ...{ workflowId, runId, closedAtMs: closeTime?.getTime() ?? null },
    ...{ requestId: memo?.['requestId'], aim: memo?.['aim'] },
  };
}
