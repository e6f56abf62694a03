/**
 * Recover a readmission that died. What is live serves without its hosts, so none of them holds the lane: one that cannot
 * be put back within minutes stays apart, and its next readmission finds whatever was left there.
 */
import { all } from './all.js';
import { perform, type Calling } from './activity-options.js';
import type { ChangeProgress } from './change-progress.js';
import { quarantine, summarize, type ChangeRun } from './change-run.js';
import { SET_APART_WITHIN_MS } from './hosts-apart.js';
import { readFailure } from './read-failure.js';
import type { ClaimResult, Target } from './activity-contract.js';
import type { PriorState } from './result.js';
import { LaneLost } from './saga.js';
import { eachBefore } from './proxies-back.js';
import { hasProxies, hostOf, onHosts, withoutReinstalled } from './target-hosts.js';

export function stepsOfReadmission(plan: Target['plan']): string[] {
  return ['claim', 'takeOver', ...(hasProxies(plan) ? ['traffic'] : []), 'deploy'];
}

/** `target` = what was being brought, and where; `recorded` null = it had not begun to. Throws LaneLost only. */
export async function recoverReadmission(
  run: ChangeRun,
  progress: ChangeProgress,
  target: Target,
  recorded: PriorState[] | null,
): Promise<void> {
  let left = target.plan.hosts;
  // for each step and host
  const withinMs = Math.min(SET_APART_WITHIN_MS, target.plan.timeoutMs);
  const claimed: ClaimResult['hosts'] = [];

  const onEach = async (
    step: string,
    work: (alone: Target, calling: Calling) => Promise<unknown>,
  ): Promise<void> => {
    progress.begin(step, `recovering: ${step}`);
    const notes = await all(
      left.map(async (host) => {
        const alone = onHosts(target, [host]);
        const summary = summarize(run, `${step} on ${host.name}`);
        const limited = { summary, plan: alone.plan, scheduleToCloseMs: withinMs, priority: 1 };
        try {
          await work(alone, limited);
          return null;
        } catch (error) {
          const where = `${target.plan.name} host ${host.name}`;
          const { meaning, report } = readFailure(error, where, `slipway retry ${target.plan.name}`);
          if (meaning === 'stale') throw new LaneLost(report);
          quarantine(run, host.name, report.what);
          left = left.filter(({ name }) => name !== host.name);
          return `${host.name}: ${report.what}`;
        }
      }),
    );
    const said = notes.filter((note) => note !== null);
    progress.setStep(step, said.length === 0 ? 'succeeded' : 'inconclusive', said.join('; ') || null);
  };

  await onEach('claim', async (alone, calling) => {
    const { hosts } = await perform('claim', { target: alone }, calling);
    claimed.push(...hosts);
  });
  await onEach('takeOver', (alone, calling) => perform('takeOver', { target: alone }, calling));
  if (recorded === null) {
    if (hasProxies(target.plan)) progress.setStep('traffic', 'succeeded', 'was not moved');
    return progress.setStep('deploy', 'succeeded', 'had not begun');
  }
  const prior = withoutReinstalled(recorded, claimed);
  const each = eachBefore(prior, target.colour);
  if (hasProxies(target.plan))
    await onEach('traffic', async (alone, calling) => {
      const to = each.before[hostOf(alone)] ?? null;
      if (to === null) return;
      await perform(
        'switchTraffic',
        { target: alone, to, from: null, requireHealthy: false, ...each },
        calling,
      );
    });
  await onEach('deploy', (alone, calling) => perform('undoDeploy', { target: alone, prior }, calling));
}
