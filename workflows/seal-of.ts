import type { Seal } from '../pipeline/plan.js';

/** A plan's seal as an input carries it: plans from before there were seals have none. */
export function sealOf({ seal }: { seal?: Seal }): { seal?: Seal } {
  return seal === undefined ? {} : { seal };
}
