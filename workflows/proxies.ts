/** An environment whose hosts have a proxy each: traffic moves a batch of hosts at a time, like the deploy before it. */
import { perform } from './activity-options.js';
import type { SwitchInput, SwitchResult } from './activity-contract.js';
import { keepReceipt, type ChangeRun } from './change-run.js';
import { batchByBatch, onOneHost } from './fleet.js';
import { servedBefore } from './proxies-back.js';
import type { StepOutcome } from './step-outcome.js';

type Move = Pick<SwitchInput, 'to' | 'share'>;

/** An outcome = it ends the step. A rollback does not go in batches: each host is as urgent as the others. */
export async function switchProxies(
  run: ChangeRun,
  { to, share }: Move,
): Promise<{ over: StepOutcome } | { over: null; tookMs: number; note: string }> {
  const { length } = run.target.plan.hosts;
  const batch = run.input.request.kind === 'rollback' ? length : run.target.plan.rollout.batch;
  const before = servedBefore(run.prior, to);
  const splits = share === undefined ? null : hostsThatSplit(run);
  const took: SwitchResult[] = [];
  const over = await batchByBatch(run, { batch }, async (host) => {
    if (splits?.includes(host) === false) return;
    if (!run.switchedHosts.includes(host)) run.switchedHosts.push(host);
    const from = Object.hasOwn(before, host) ? (before[host] ?? null) : run.previousColour;
    const move = { host, to, from, requireHealthy: true, ...(share === undefined ? {} : { share }) };
    const result = await perform('switchTraffic', move, onOneHost(run, host));
    keepReceipt(run, 'switch', result);
    took.push(result);
  });
  if (over !== null) return { over };
  return {
    over: null,
    tookMs: Math.max(0, ...took.map(({ tookMs }) => tookMs)),
    note: `${to}, confirmed by ${took.length} of ${length} proxies`,
  };
}

/** A share of what is live only: who served something else, or nothing well, gets all of it with the last step. */
function hostsThatSplit({ prior, previousColour }: ChangeRun): string[] {
  return prior.flatMap(({ host, serving, mute, sick }) =>
    serving === previousColour && mute !== true && sick !== true ? [host] : [],
  );
}
