import type { Target } from '../workflows/activity-contract.js';
import type { Fence } from './hosts/host.js';

/** What everything that writes for this change compares with, on every host. */
export function fenceFor({ plan, token }: Target, way?: Fence['way']): Fence {
  return { pipeline: plan.pipeline, environment: plan.name, token, ...(way === undefined ? {} : { way }) };
}
