import type { Activities } from '../../workflows/activity-contract.js';
import { createBake } from './bake.js';
import { createMeasureBaseline } from './measure-baseline.js';
import { createVerify } from './verify.js';
import type { CheckDependencies } from './watching.js';

/** The activities that look at a running release and never change it. */
export function createCheckActivities(
  dependencies: CheckDependencies,
): Pick<Activities, 'verify' | 'measureBaseline' | 'bake'> {
  return {
    verify: createVerify(dependencies),
    measureBaseline: createMeasureBaseline(dependencies),
    bake: createBake(dependencies),
  };
}
