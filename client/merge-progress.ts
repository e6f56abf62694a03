/** A promotion hands over to a change; people follow one release. Here the two become one picture. Pure. */
import type { Colour } from '../pipeline/plan.js';
import type { EnvironmentStatus, ProgressStatus } from '../workflows/messages.js';
import { inOrder } from '../workflows/denials.js';
import type { ChangeResult, PromotionResult, ReleaseRecord, Said, StepReport } from '../workflows/result.js';
import { describeProven } from '../workflows/taken-decisions.js';
import { formatMoment } from './render/time.js';

/** What users get. */
export interface Live {
  version: string;
  colour: Colour | null;
}

/** `live` is null where nothing is, and absent where nobody was asked. */
export type ShownProgress = ProgressStatus & { live?: Live | null };

/** The promotion's step that stands for the whole change. */
const CHANGE = 'change';

/** Is its change in the lane, so that the lane knows more? */
export function isChanging(promotion: ProgressStatus): boolean {
  return promotion.steps.some((step) => step.name === CHANGE && step.state === 'running');
}

/** The promotion with its change's steps in place of the one; the promotion alone when the lane holds another release. */
export function withChange(promotion: ShownProgress, lane: ProgressStatus | null): ShownProgress {
  if (lane === null || lane.version !== promotion.version || lane.commit.sha !== promotion.commit.sha)
    return promotion;
  const { headline, state, waitingFor, waitingSince, waitEnds, colour, unwind, failure, report } = lane;
  return {
    ...promotion,
    ...{ headline, state, waitingFor, waitingSince, waitEnds, colour, unwind, failure, report },
    ...together(promotion, lane),
    ...(lane.switching === undefined ? {} : { switching: lane.switching }),
    steps: replaceChange(promotion.steps, lane.steps),
  };
}

/** In the queue, where only the environment knows why nothing enters: it is frozen, or a person has to look first. */
export function withQueue<Status extends ProgressStatus>(
  promotion: Status,
  environment: EnvironmentStatus | null,
): Status {
  const isQueued = promotion.steps.some(({ name, state }) => name === CHANGE && state === 'waiting');
  const blocked = isQueued && environment !== null ? whyNothingEnters(environment) : null;
  if (environment === null || blocked === null) return promotion;
  const { pipeline, version, environment: name } = promotion;
  const own = environment.announced.find(({ requestId }) => requestId === promotion.approving?.requestId);
  const since = [blocked.since, own?.since ?? ''].sort().at(-1) ?? '';
  return {
    ...promotion,
    state: 'waiting',
    headline: `${pipeline} ${version} → ${name}: waits for ${blocked.for}`,
    waitingFor: blocked.for,
    waitingSince: since === '' ? null : since,
    waitEnds: blocked.ends,
  };
}

function whyNothingEnters({ inFlight, needsPerson, freeze }: EnvironmentStatus) {
  if (inFlight !== null) return null;
  if (needsPerson !== null) return { for: `a person to look first: ${needsPerson}`, since: '', ends: null };
  if (freeze === null) return null;
  const { by, until, reason, since } = freeze;
  const end = until === null ? 'until it is lifted' : `until ${formatMoment(until)}`;
  const why = reason === null ? '' : `: ${reason}`;
  return {
    for: `the end of a freeze by ${by} (${describeProven(freeze)}), ${end}${why}`,
    since,
    ends: until === null ? null : { at: until, then: 'opens' },
  };
}

/** The promotion as it ended: its own status forgets what the change did, the result does not. */
export function withResult(promotion: ShownProgress, result: PromotionResult): ShownProgress {
  const { state, headline, failure, change } = result;
  const ended = {
    ...promotion,
    state,
    headline,
    failure,
    waitingFor: null,
    waitingSince: null,
    waitEnds: null,
  };
  return change === null ? ended : { ...ended, ...ofChange(promotion, change) };
}

/** A change that died, as its environment says that it ended: its own status stands still where it died. */
export function withRecovered(change: ShownProgress, result: ChangeResult): ShownProgress {
  const { state, headline, failure, steps, unwind } = result;
  const { live: _, ...dead } = change;
  const ended = {
    state,
    headline,
    failure,
    steps,
    unwind,
    waitingFor: null,
    waitingSince: null,
    waitEnds: null,
  };
  // where its recovery is not seen any more, what had become live while it ran is not either
  return { ...(change.state === state ? change : dead), ...ended };
}

/** Once its traffic has moved, users get the new one; the environment writes it down only when it has settled. */
export function withLive(status: ProgressStatus, before: ReleaseRecord | null): ShownProgress {
  const { steps, unwind, version, colour, state } = status;
  const mover = steps.find(({ name }) => name === 'switch') ?? steps.find(({ name }) => name === 'deploy');
  const moved = mover?.state === 'succeeded' && unwind.length === 0 && state !== 'failed';
  return { ...status, live: moved ? { version, colour } : toLive(before) };
}

function toLive(record: ReleaseRecord | null): Live | null {
  return record === null ? null : { version: record.version, colour: record.colour };
}

function ofChange(promotion: ProgressStatus, change: ChangeResult): Partial<ShownProgress> {
  const steps = replaceChange(promotion.steps, change.steps);
  return { steps, unwind: change.unwind, live: toLive(change.live), ...together(promotion, change.said) };
}

/** What was said to both; an abort goes on from the promotion to its change, and is one. */
function together(promotion: Partial<Said>, change: Partial<Said> = {}): Said {
  const decisions = [...(promotion.decisions ?? []), ...(change.decisions ?? [])];
  const once = new Map(decisions.map((each) => [each.decisionId, each]));
  return { decisions: [...once.values()], denials: inOrder(promotion.denials, change.denials) };
}

function replaceChange(steps: StepReport[], changed: StepReport[]): StepReport[] {
  const names = new Set(changed.map(({ name }) => name));
  return [...steps.filter(({ name }) => name !== CHANGE && !names.has(name)), ...changed];
}
