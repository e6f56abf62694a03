/** A promotion hands over to a change; people follow one release. Here the two become one picture. Pure. */
import type { ProgressStatus } from '../workflows/messages.js';
import type { ChangeResult, PromotionResult, StepReport } from '../workflows/result.js';

/** The promotion's step that stands for the whole change. */
const CHANGE = 'change';

/** Is its change in the lane, so that the lane knows more? */
export function isChanging(promotion: ProgressStatus): boolean {
  return promotion.steps.some((step) => step.name === CHANGE && step.state === 'running');
}

/** The promotion with its change's steps in place of the one; the promotion alone when the lane holds another release. */
export function withChange(promotion: ProgressStatus, lane: ProgressStatus | null): ProgressStatus {
  if (lane === null || lane.version !== promotion.version || lane.commit.sha !== promotion.commit.sha)
    return promotion;
  const { headline, state, waitingFor, waitingSince, waitEnds, colour, unwind, failure, report } = lane;
  return {
    ...promotion,
    ...{ headline, state, waitingFor, waitingSince, waitEnds, colour, unwind, failure, report },
    steps: replaceChange(promotion.steps, lane.steps),
  };
}

/** The promotion as it ended: its own status forgets what the change did, the result does not. */
export function withResult(promotion: ProgressStatus, result: PromotionResult): ProgressStatus {
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

function ofChange({ steps }: ProgressStatus, change: ChangeResult): Pick<ProgressStatus, 'steps' | 'unwind'> {
  return { steps: replaceChange(steps, change.steps), unwind: change.unwind };
}

function replaceChange(steps: StepReport[], changed: StepReport[]): StepReport[] {
  const names = new Set(changed.map(({ name }) => name));
  return [...steps.filter(({ name }) => name !== CHANGE && !names.has(name)), ...changed];
}
