import { createHash, randomUUID } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { ReleaseRequest } from '../workflows/messages.js';
import { releaseId, WORKFLOW } from '../workflows/names.js';
import { withoutMarkdown } from '../workflows/plain-text.js';
import type { TemporalLink } from './connect.js';
import { findToJoin } from './overlapping-release.js';
import { findRun } from './release-runs.js';

export interface StartedRelease {
  workflowId: string;
  runId: string;
  /** true: this very release was already under way, nothing new was started. */
  joined: boolean;
  /** Joined, and it goes there: more than was asked for. Absent where it is what was asked for. */
  goesTo?: string[];
  /** Page in the Temporal UI. */
  url: string | null;
}

/** A server takes 400 bytes unless told otherwise; a letter may be three. */
const LONGEST_SUMMARY = 130;

/** A readable id for one request: `v1.4.0-3fa9c1d2`. `unique` tells it from others of this version. */
export function newRequestId(version: string, unique = randomUUID().slice(0, 8)): string {
  return `${version.replaceAll(/[^\w.+-]/g, '-')}-${unique}`;
}

/**
 * Starts a release or joins the one under way that goes to all of its environments. What goes elsewhere (`--to stage` then
 * `--to prod`), or is of another ref (one commit on two branches), runs beside it. `environments` are those of the
 * request's plan; empty = nobody knows them yet, and only the same request is joined. Throws UserError (exit 5) when a
 * release of the same version and ref is under way to some of them only.
 */
export async function startRelease(
  link: TemporalLink,
  request: ReleaseRequest,
  environments: readonly string[] = request.to,
): Promise<StartedRelease> {
  await link.requireWorker();
  const { plain, beside } = idsOf(request);
  const [atPlain, atBeside] = await Promise.all([findRun(link, plain), findRun(link, beside)]);
  if (atBeside?.closedAtMs === null) return startOrJoin(link, beside, request);
  const isAsked = atPlain?.closedAtMs === null && atPlain.aim === aimOf(request);
  const isAlone = isAsked || environments.length === 0;
  const other = isAlone ? null : await findToJoin(link, request, environments, atPlain);
  if (other === null) return startWhereItBelongs(link, request);
  const { workflowId, runId, goesTo } = other;
  return { workflowId, runId, joined: true, url: link.linkTo(workflowId, runId), goesTo };
}

/** As `startRelease`, where no release runs at the id beside. */
export async function startWhereItBelongs(
  link: TemporalLink,
  request: ReleaseRequest,
): Promise<StartedRelease> {
  const { plain, beside } = idsOf(request);
  const started = await startOrJoin(link, plain, request);
  if (!started.joined) return started;
  const joined = await findRun(link, plain, started.runId);
  return joined?.aim === aimOf(request) ? started : startOrJoin(link, beside, request);
}

/** Where the release is, or would be: the plain id, or beside it when another aim has that one. */
export function idsOf(request: ReleaseRequest): { plain: string; beside: string } {
  const plain = releaseId(request.pipeline, request.version);
  return { plain, beside: `${plain}/${idOfAim(aimOf(request))}` };
}

/** Readable, and different for different aims: `feat/x` is not `feat-x`. */
function idOfAim(aim: string): string {
  const readable = aim.replaceAll(/[^\w.+@-]/g, '-').slice(0, 100);
  return readable === aim ? aim : `${readable}-${createHash('sha256').update(aim).digest('hex').slice(0, 8)}`;
}

/** What tells two releases of one version apart. */
export function aimOf({ ref, to }: ReleaseRequest): string {
  return to.length > 0 ? [...to].sort().join('+') : ref.name;
}

/** Starts it at the plain id; null when any release is there, running or ended. One question to Temporal. */
export async function startFirst(
  link: TemporalLink,
  request: ReleaseRequest,
): Promise<StartedRelease | null> {
  const { plain: workflowId } = idsOf(request);
  try {
    const handle = await link.ask(() =>
      link.client.workflow.start(WORKFLOW.release, {
        ...startOptions(link, workflowId, request),
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
      }),
    );
    const runId = handle.firstExecutionRunId;
    return { workflowId, runId, joined: false, url: link.linkTo(workflowId, runId) };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

/** Starts it at this id, or joins what runs there. */
export async function startOrJoin(
  link: TemporalLink,
  workflowId: string,
  request: ReleaseRequest,
): Promise<StartedRelease> {
  return link.ask(async () => {
    const options = startOptions(link, workflowId, request);
    const handle = await link.client.workflow.start(WORKFLOW.release, {
      ...options,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const runId = handle.firstExecutionRunId;
    const { memo } = await handle.describe();
    return {
      workflowId,
      runId,
      joined: memo?.['call'] !== options.memo.call,
      url: link.linkTo(workflowId, runId),
    };
  });
}

function startOptions(link: TemporalLink, workflowId: string, request: ReleaseRequest) {
  const { pipeline, version, commit, requestId } = request;
  return {
    workflowId,
    taskQueue: link.taskQueue,
    args: [request],
    // Read back by whoever finds the release running: queries need a worker, the memo does not. The same request may be
    // sent twice: only `call` says by which of them it was started.
    memo: { requestId, call: randomUUID(), aim: aimOf(request) },
    staticSummary: withoutMarkdown(`${pipeline} ${version} → ${aimOf(request)}`).slice(0, LONGEST_SUMMARY),
    staticDetails: withoutMarkdown(
      `commit ${commit.slice(0, 7)}, requested by ${request.actor.by} (identity: ${request.actor.proof})`,
    ),
  };
}
