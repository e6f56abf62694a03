/**
 * A release of the same version and ref that is on its way to the same environments under another id: two of them would
 * ask twice for the same approvals. It is joined where it goes everywhere the new one would; else it is in the way.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { typedWord } from '../pipeline/typed-word.js';
import type { ReleaseRequest, ReleaseStatus } from '../workflows/messages.js';
import { releaseId, WORKFLOW } from '../workflows/names.js';
import { askStatus, unlessUnknown } from './ask-status.js';
import type { TemporalLink } from './connect.js';
import type { ReleaseRun } from './release-runs.js';
import { refused } from './user-error.js';
import { quoted } from './visibility-query.js';

export interface OverlappingRelease {
  workflowId: string;
  runId: string;
  /** Environments that it is on its way to. */
  goesTo: string[];
}

/** Its worker reads the repository first. */
const PLAN_PATIENCE_MS = 15_000;
const AGAIN_MS = 250;

/**
 * The one to join; null = nothing overlaps. `environments` are those of the request's plan, `atPlain` is the run at the plain
 * id: Temporal lists a run a moment after its start, so whoever asks has asked for that one by name. Throws UserError (exit 5) when
 * what is under way covers them only in part.
 */
export async function findToJoin(
  link: TemporalLink,
  request: ReleaseRequest,
  environments: readonly string[],
  atPlain: ReleaseRun | null,
): Promise<OverlappingRelease | null> {
  const found: OverlappingRelease[] = [];
  for (const run of await listUnderway(link, request, atPlain)) {
    const goesTo = await readGoal(link, request, run);
    if (goesTo.some((name) => environments.includes(name))) found.push({ ...run, goesTo });
  }
  const [first] = found;
  if (first === undefined) return null;
  return (
    found.find(({ goesTo }) => environments.every((name) => goesTo.includes(name))) ??
    refuse(request, environments, found)
  );
}

async function listUnderway(
  link: TemporalLink,
  { pipeline, version }: ReleaseRequest,
  atPlain: ReleaseRun | null,
): Promise<{ workflowId: string; runId: string }[]> {
  const plain = releaseId(pipeline, version);
  const query = [
    `WorkflowType = '${WORKFLOW.release}'`,
    `ExecutionStatus = 'Running'`,
    `WorkflowId STARTS_WITH ${quoted(`${plain}/`)}`,
  ].join(' AND ');
  const runs = atPlain?.closedAtMs === null ? [{ workflowId: atPlain.workflowId, runId: atPlain.runId }] : [];
  await link.ask(async () => {
    for await (const { workflowId, runId } of link.client.workflow.list({ query }))
      runs.push({ workflowId, runId });
  });
  return runs;
}

/** Empty = another version or ref, it has ended meanwhile, or an older worker does not say. */
async function readGoal(
  link: TemporalLink,
  { version, ref }: ReleaseRequest,
  { workflowId, runId }: { workflowId: string; runId: string },
): Promise<string[]> {
  const handle = link.client.workflow.getHandle(workflowId, runId);
  for (const givenUpAt = Date.now() + PLAN_PATIENCE_MS; ; await pause(AGAIN_MS)) {
    const status = await unlessUnknown(askStatus<ReleaseStatus>(link, handle));
    const isSame =
      status?.version === version && status.ref?.kind === ref.kind && status.ref.name === ref.name;
    if (!isSame || status.goesTo === undefined || !isOpen(status)) return [];
    if (status.goesTo !== null) return status.goesTo;
    if (Date.now() >= givenUpAt)
      throw refused({
        what: `a release of ${version} is under way, and its plan is not made yet`,
        where: workflowId,
        wayOut: 'wait until slipway status shows where it goes, then ask again',
        docs: DOCS,
      });
  }
}

const DOCS = 'docs/commands.md#joining-a-release';

function isOpen({ state }: ReleaseStatus): boolean {
  return state === 'pending' || state === 'running' || state === 'waiting';
}

function refuse(
  { pipeline, version, ref }: ReleaseRequest,
  environments: readonly string[],
  found: OverlappingRelease[],
): never {
  const taken = environments.filter((name) => found.some(({ goesTo }) => goesTo.includes(name)));
  const free = environments.filter((name) => !taken.includes(name));
  const watch = taken.map((name) => `slipway watch ${name}`).join(', ');
  const rest =
    free.length === 0 ? '' : `; the rest: slipway release ${typedWord(ref.name)} --to ${free.join(',')}`;
  throw refused({
    what: `${version} is under way to ${taken.join(', ')} already`,
    where: `${pipeline} ${taken.join(', ')}`,
    why: found.map(({ workflowId, goesTo }) => `${workflowId} goes to ${goesTo.join(', ')}`).join('\n'),
    wayOut: `follow it: ${watch}${rest}`,
    docs: DOCS,
  });
}
