import type { EnvironmentPlan } from '../pipeline/plan.js';

/** On every screen of what no policy protects: whoever may commit to the repository may release. */
export function warnUnprotected(plans: Pick<EnvironmentPlan, 'policy'>[]): string[] {
  return plans.some(({ policy }) => policy === undefined) ? ['NOT PROTECTED: the worker has no policy'] : [];
}
