/** May a release begin now? Asked of the plan and of the policy of this moment; workflows know neither time zones nor policies. */
import { compileFreezes, describeFreeze, findFreeze, mergeFreezes } from '../../pipeline/freezes.js';
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
import type { Activities } from '../../workflows/activity-contract.js';
import type { PolicyStore } from '../trust/policy-store.js';

export function createPassFreeze({ policy }: { policy: PolicyStore }): Activities['passFreeze'] {
  return async ({ plan }) => {
    const loaded = await policy.read();
    const rules = rulesOfEnvironment(loaded?.content, plan.pipeline, plan.name);
    const planned = plan.freeze ?? [];
    // what the policy said when it was planned, it may no longer say
    const inFile = loaded === null ? planned : planned.filter(({ by }) => by !== 'policy');
    const nowMs = Date.now();
    const frozen = findFreeze(mergeFreezes(inFile, compileFreezes(rules?.freeze, 'policy')), nowMs);
    if (frozen !== null) {
      const until = new Date(frozen.untilMs).toISOString();
      return { frozen: { until, why: describeFreeze(frozen.freeze) }, evidence: null };
    }
    const at = new Date(nowMs).toISOString();
    return {
      frozen: null,
      evidence: { kind: 'wait', name: 'freeze', verdict: 'pass', by: null, at, note: null },
    };
  };
}
