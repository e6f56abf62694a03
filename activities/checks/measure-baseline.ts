/** What normal was: the means of before the switch, which `max-increase` is held against. */
import type { Activities } from '../../workflows/activity-contract.js';
import { heartbeatWhile } from '../cancellation.js';
import { measureMean, type PrometheusPlan } from './prometheus.js';
import { withChecks, type CheckDependencies } from './watching.js';

type Baseline = Record<string, number | null>;

/** By check name; null = Prometheus had no number to give, and the bake will say so. */
export function createMeasureBaseline(dependencies: CheckDependencies): Activities['measureBaseline'] {
  return ({ target }) =>
    heartbeatWhile<{ baseline: Baseline }>(async () => {
      const checks = (target.plan.bake?.checks ?? []).filter(
        (check): check is PrometheusPlan => check.kind === 'prometheus' && check.maxIncrease !== null,
      );
      // the colour that has the traffic until now
      const colour = target.live?.colour ?? null;
      const watch = { target, checks, colour, at: 'traffic', baseline: {} } as const;
      return await withChecks(dependencies, watch, async (context) => {
        const means = await Promise.all(
          checks.map(async (check) => [check.name, await measureMean(check, context)] as const),
        );
        return { baseline: Object.fromEntries(means) };
      });
    });
}
