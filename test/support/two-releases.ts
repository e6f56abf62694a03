/** An environment with a database whose migrations, backups and restores are the fake world's. */
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { givenPlan, givenPlanInPlace } from './given.js';

export const DATABASE: NonNullable<EnvironmentPlan['database']> = {
  ...{ migrate: './up', current: './at', revert: './down', inside: null },
  ...{ backup: './backup {backup}', restore: './restore {backup}', prove: './prove {backup}' },
};
export const BEFORE_IT_SERVES = [
  'preflight',
  'claim',
  'proveWayBack',
  'backup',
  'database',
  'deploy',
  'verify',
];

export function givenPlanWithDatabase(
  change: Partial<EnvironmentPlan> = {},
  hasColours = false,
): EnvironmentPlan {
  const steps = [...BEFORE_IT_SERVES, ...(hasColours ? ['switch'] : []), 'settle'];
  return (hasColours ? givenPlan : givenPlanInPlace)({ database: DATABASE, steps, bake: null, ...change });
}
