/** A check that is compared with what was normal before the release. */
import type { CheckPlan, EnvironmentPlan } from '../../pipeline/plan.js';

type Compared = Extract<CheckPlan, { kind: 'prometheus' }>;

export const COMPARED: Compared = {
  ...{ name: 'errors', kind: 'prometheus', query: 'errors', server: 'http://prometheus.internal:9090' },
  ...{ max: null, min: null, maxIncrease: 2, baselineMs: 1_000 },
  ...{ timeoutMs: 1_000, retries: 0, intervalMs: 100, startPeriodMs: 0 },
};

/** The bake of the plan with this check alone. */
export function bakesWith(
  { bake }: EnvironmentPlan,
  check: Compared = COMPARED,
): Pick<EnvironmentPlan, 'bake'> {
  if (bake === null) throw new Error('nothing is watched');
  return { bake: { ...bake, checks: [check] } };
}
