/** Releases that a push has started, followed in this process: a command for each look costs a second of a processor. */
import { z } from 'zod';
import type { SlipwayClient } from '../../client/index.js';
import type { PromotionResult, ReleaseResult } from '../../workflows/result.js';
import { until } from './processes.js';
import type { Delivered } from './webhooks.js';

const STARTED = z.object({ releases: z.array(z.object({ workflowId: z.string() })) });
const WITHIN_MS = 240_000;

/** Id of the release that `slipway serve` says it has started. */
export function startedBy({ status, body }: Delivered): string {
  const [release] = status === 202 ? STARTED.parse(body).releases : [];
  if (release === undefined) throw new Error(`nothing was started: ${status} ${JSON.stringify(body)}`);
  return release.workflowId;
}

/** What became of it. */
export async function followed(library: SlipwayClient, workflowId: string): Promise<ReleaseResult> {
  const following = library.followRelease({ workflowId }, { timeoutMs: WITHIN_MS });
  for (let seen: unknown = null; ;) {
    const { done, value } = await following.next();
    if (done === true) {
      if (value.how === 'ended' && value.result !== null) return value.result;
      throw new Error(JSON.stringify({ value, seen }));
    }
    seen = value;
  }
}

/** Of its one environment. */
export async function promotionOf(library: SlipwayClient, workflowId: string): Promise<PromotionResult> {
  const result = await followed(library, workflowId);
  const [promotion] = result.promotions;
  if (promotion === undefined) throw new Error(JSON.stringify(result));
  return promotion;
}

/** Until it says that it waits for this. */
export function untilWaitsFor(library: SlipwayClient, environment: string, what: RegExp): Promise<boolean> {
  const look = async (): Promise<boolean> => {
    const { workflowId } = await library.findWaiting(environment, null, 'approve');
    return what.test((await library.progress(workflowId))?.waitingFor ?? '');
  };
  return until(`${environment} to wait for ${what.source}`, () => look().catch(() => false), WITHIN_MS);
}
