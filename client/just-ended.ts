/** What has just come to its end on an environment: whoever begins to watch a moment too late learns how it ended. */
import type { ProgressStatus, ReleaseStatus } from '../workflows/messages.js';
import { laneId, promotionId, releaseId, WORKFLOW } from '../workflows/names.js';
import { askStatus, unlessUnknown } from './ask-status.js';
import type { TemporalLink } from './connect.js';
import { matches, type DecisionTarget } from './targets.js';
import { quoted } from './visibility-query.js';

/** Asked without a version: what ended longer ago is not what anybody waits for. */
const JUST_MS = 60_000;

interface Ended {
  target: DecisionTarget;
  /** Infinity = Temporal's list has not heard of its end. */
  closedAtMs: number;
}

/** With a version (or request id) the last of it, whenever it ended. null = there is none. */
export async function findJustEnded(
  link: TemporalLink,
  { pipeline, environment }: { pipeline: string; environment: string },
  version: string | null,
): Promise<DecisionTarget | null> {
  const found = await Promise.all([
    findPromotion(link, promotionId(pipeline, environment, ''), version),
    findChange(link, laneId(pipeline, environment), version),
  ]);
  const [last] = found
    .filter((each) => each !== null)
    .sort((one, other) => other.closedAtMs - one.closedAtMs);
  if (last === undefined) return null;
  if (version !== null) return last.target;
  if (Date.now() - last.closedAtMs >= JUST_MS) return null;
  // who has just started the next one means that, and it may not have made itself known yet
  return (await isNextComing(link, { pipeline, environment })) ? null : last.target;
}

async function isNextComing(
  link: TemporalLink,
  { pipeline, environment }: { pipeline: string; environment: string },
): Promise<boolean> {
  const query = `WorkflowType = '${WORKFLOW.release}' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH ${quoted(releaseId(pipeline, ''))}`;
  return await link.ask(async () => {
    for await (const { workflowId } of link.client.workflow.list({ query })) {
      const handle = link.client.workflow.getHandle(workflowId);
      const status = await unlessUnknown(askStatus<ReleaseStatus>(link, handle));
      if (status === null) continue;
      // the one whose promotion has just ended learns of it a moment later
      const isHere = status.promotions.some((promotion) => promotion.environment === environment);
      if (!isHere && (status.goesTo?.includes(environment) ?? true)) return true;
    }
    return false;
  });
}

/** The newest of the environment; ids and versions are other people's text. */
async function findPromotion(
  link: TemporalLink,
  prefix: string,
  version: string | null,
): Promise<Ended | null> {
  const wanted =
    version === null
      ? `WorkflowId STARTS_WITH ${quoted(prefix)}`
      : `(WorkflowId = ${quoted(prefix + version)} OR (WorkflowId STARTS_WITH ${quoted(prefix)} AND SlipwayVersion = ${quoted(version)}))`;
  const query = `WorkflowType = '${WORKFLOW.promotion}' AND ${wanted}`;
  return await link.ask(async () => {
    // those that run come first, then the last that ended
    for await (const { workflowId, closeTime } of link.client.workflow.list({ query, pageSize: 1 })) {
      const requestId = workflowId.slice(prefix.length);
      const target = { kind: 'promotion' as const, workflowId, version: version ?? '', requestId };
      return { target, closedAtMs: closeTime?.getTime() ?? Infinity };
    }
    return null;
  });
}

/** The last change that held the lane; that of a promotion ends before it. */
async function findChange(
  link: TemporalLink,
  workflowId: string,
  version: string | null,
): Promise<Ended | null> {
  const handle = link.client.workflow.getHandle(workflowId);
  const status = await unlessUnknown(askStatus<ProgressStatus>(link, handle));
  if (status === null || status.steps.some(({ name }) => name === 'retire')) return null;
  const target = { kind: 'lane' as const, workflowId, version: status.version, requestId: '' };
  if (!matches(target, version)) return null;
  const { closeTime } = await link.ask(() => handle.describe());
  return { target, closedAtMs: closeTime?.getTime() ?? Infinity };
}
