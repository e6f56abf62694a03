/** One question to a running release. `inconclusive` = could not be asked; never counted as an answer. */
import type { CheckPlan, Colour } from '../../pipeline/plan.js';
import type { CheckOutcome, Target } from '../../workflows/activity-contract.js';
import type { Host } from '../hosts/host.js';

export interface CheckContext {
  target: Target;
  /** Colour to look at; `{colour}` in the check's url or command is replaced by it. null = what has the traffic. */
  colour: Colour | null;
  hosts: Host[];
  env: Record<string, string>;
  baseline: Record<string, number | null>;
  signal: AbortSignal;
}

/** One try, bounded by the check's own timeout. Retries and start period are run-checks.ts's. */
export type CheckOnce<Plan extends CheckPlan = CheckPlan> = (
  plan: Plan,
  context: CheckContext,
) => Promise<CheckOutcome>;
