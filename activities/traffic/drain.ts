/** Before a colour that had traffic is stopped: let it finish what it has. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EnvironmentPlan } from '../../pipeline/plan.js';

/** Waits the longest request plus margin (`drain:`); the proxy sends nothing new there. Rejects when aborted. */
export async function drain({ traffic }: EnvironmentPlan, signal: AbortSignal): Promise<void> {
  if (traffic !== null && traffic.drainMs > 0) await sleep(traffic.drainMs, undefined, { signal });
}
