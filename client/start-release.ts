import { createHash, randomUUID } from 'node:crypto';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { ReleaseRequest } from '../workflows/messages.js';
import { releaseId, WORKFLOW } from '../workflows/names.js';
import { withoutMarkdown } from '../workflows/plain-text.js';
import type { TemporalLink } from './connect.js';

export interface StartedRelease {
  workflowId: string;
  runId: string;
  /** true: this very release was already under way, nothing new was started. */
  joined: boolean;
  /** Page in the Temporal UI. */
  url: string | null;
}

/** A server takes 400 bytes unless told otherwise; a letter may be three. */
const LONGEST_SUMMARY = 130;

/** A readable id for one request: `v1.4.0-3fa9c1d2`. */
export function newRequestId(version: string): string {
  return `${version.replaceAll(/[^\w.+-]/g, '-')}-${randomUUID().slice(0, 8)}`;
}

/**
 * Starts a release or joins the same one under way. Same means same version, ref and environments: a release of this
 * version to other environments (one commit on two branches, `--to stage` then `--to prod`) runs beside it.
 */
export async function startRelease(link: TemporalLink, request: ReleaseRequest): Promise<StartedRelease> {
  await link.requireWorker();
  const aim = aimOf(request);
  const plainId = releaseId(request.pipeline, request.version);
  const besideId = `${plainId}/${idOfAim(aim)}`;
  if (await isRunning(link, besideId)) return startOrJoin(link, besideId, request);
  const started = await startOrJoin(link, plainId, request);
  if (!started.joined) return started;
  return (await aimOfRunning(link, started)) === aim ? started : startOrJoin(link, besideId, request);
}

/** Readable, and different for different aims: `feat/x` is not `feat-x`. */
function idOfAim(aim: string): string {
  const readable = aim.replaceAll(/[^\w.+@-]/g, '-').slice(0, 100);
  return readable === aim ? aim : `${readable}-${createHash('sha256').update(aim).digest('hex').slice(0, 8)}`;
}

function aimOf({ ref, to }: ReleaseRequest): string {
  return to.length > 0 ? [...to].sort().join('+') : ref.name;
}

async function startOrJoin(
  link: TemporalLink,
  workflowId: string,
  request: ReleaseRequest,
): Promise<StartedRelease> {
  const { pipeline, version, commit, requestId } = request;
  return link.ask(async () => {
    const handle = await link.client.workflow.start(WORKFLOW.release, {
      workflowId,
      taskQueue: link.taskQueue,
      args: [request],
      workflowIdConflictPolicy: 'USE_EXISTING',
      // Read back by whoever finds the release running: queries need a worker, the memo does not.
      memo: { requestId, aim: aimOf(request) },
      staticSummary: withoutMarkdown(`${pipeline} ${version} → ${aimOf(request)}`).slice(0, LONGEST_SUMMARY),
      staticDetails: withoutMarkdown(
        `commit ${commit.slice(0, 7)}, requested by ${request.actor.by} (identity: ${request.actor.proof})`,
      ),
    });
    const runId = handle.firstExecutionRunId;
    const { memo } = await handle.describe();
    return {
      workflowId,
      runId,
      joined: memo?.['requestId'] !== requestId,
      url: link.linkTo(workflowId, runId),
    };
  });
}

async function aimOfRunning(link: TemporalLink, started: StartedRelease): Promise<unknown> {
  const { memo } = await link.ask(() =>
    link.client.workflow.getHandle(started.workflowId, started.runId).describe(),
  );
  return memo?.['aim'];
}

async function isRunning(link: TemporalLink, workflowId: string): Promise<boolean> {
  try {
    const { status } = await link.ask(() => link.client.workflow.getHandle(workflowId).describe());
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
