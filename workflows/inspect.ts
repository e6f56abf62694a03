/** Looks at an environment from the worker, where releases run. Touches nothing. */
import type { InspectInput, InspectResult } from './activity-contract.js';
import { perform } from './activity-options.js';

/** For `slipway doctor` and `slipway logs`. Fails when the worker cannot look at all. */
export async function inspect(input: InspectInput): Promise<InspectResult> {
  const { what, plan, host } = input;
  return await perform('inspectEnvironment', input, {
    summary: `${what} of ${plan.name}${host === null ? '' : ` on ${host}`}`,
    plan,
  });
}
