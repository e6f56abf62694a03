/** What has just come to its end on an environment: whoever begins to watch a moment too late learns how it ended. */
import type { ProgressStatus } from '../workflows/messages.js';
import { laneId, promotionId, WORKFLOW } from '../workflows/names.js';
import { askStatus, unlessUnknown } from './ask-status.js';
import type { TemporalLink } from './connect.js';
import { matches, type DecisionTarget } from './targets.js';

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
  const found = [
    await findPromotion(link, promotionId(pipeline, environment, ''), version),
    await findChange(link, laneId(pipeline, environment), version),
  ].filter((each) => each !== null);
  const [last] = found.sort((one, other) => other.closedAtMs - one.closedAtMs);
  if (last === undefined) return null;
  return version !== null || Date.now() - last.closedAtMs < JUST_MS ? last.target : null;
}

/** The newest of the environment; ids and versions are other people's text. */
async function findPromotion(
  link: TemporalLink,
  prefix: string,
  version: string | null,
): Promise<Ended | null> {
  const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  const wanted =
    version === null
      ? `WorkflowId STARTS_WITH ${quote(prefix)}`
      : `(WorkflowId = ${quote(prefix + version)} OR (WorkflowId STARTS_WITH ${quote(prefix)} AND SlipwayVersion = ${quote(version)}))`;
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
