/** Whether a gate that says no may be passed all the same: who really said so, about what, and whether that person may. */
import { FORCE_NAMESPACE, readForce, type ForceStatement } from '../../pipeline/force-statement.js';
import type { ForceRule } from '../../pipeline/plan.js';
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
import type { Activities, ForceClaim } from '../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { stoppable } from '../processes/stop.js';
import type { LoadedPolicy, PolicyStore } from './policy-store.js';
import { findSigner, firstOther, isInOneOf } from './signed-word.js';

type Proof = NonNullable<EvidenceItem['proof']>;
type Counted = Pick<ForceStatement, 'by' | 'reason' | 'ticket'> & { proof: Proof };

export function createVerifyForce({ policy }: { policy: PolicyStore }): Activities['verifyForce'] {
  return async (claim) =>
    await stoppable('the force', async (): Promise<EvidenceItem> => {
      const { gate, refusal, force } = claim;
      // after what it is an answer to, whatever the clocks of two workers say
      const at = new Date(Math.max(Date.now(), Date.parse(refusal.at) + 1)).toISOString();
      const common = { kind: 'gate' as const, name: gate.name, at };
      const said = readForce(force.payload);
      const answer = said === null ? 'what was signed is no force' : await judge(policy, claim, said);
      if (typeof answer === 'string')
        return { ...common, by: said?.by ?? null, verdict: 'fail', note: answer };
      const { by, reason, ticket, proof } = answer;
      return { ...common, by, verdict: 'forced', note: reason, ticket, proof };
    });
}

/** Text = why it does not count. */
async function judge(store: PolicyStore, claim: ForceClaim, said: ForceStatement): Promise<Counted | string> {
  const { gate, plan } = claim;
  if (plan.force?.gates.includes(gate.name) !== true) return `nobody may force ${gate.name}`;
  const wrong = findOther(claim, said);
  if (wrong !== null) return `it was signed for another ${wrong}`;
  if (said.reason.trim() === '') return 'it gives no reason';
  if (said.ticket.trim() === '') return 'it names no ticket';
  if (Date.parse(said.expires) <= Date.now()) return `it expired at ${said.expires}`;
  const policy = await store.read();
  // what nothing protects is as good as its clients
  const why = policy === null ? null : await denySigned(policy, claim, said);
  return why ?? { ...said, proof: policy === null ? 'unverified' : 'ssh' };
}

/** null = the person signed it, and may. */
async function denySigned(
  policy: LoadedPolicy,
  { gate, plan, force }: ForceClaim,
  { by }: ForceStatement,
): Promise<string | null> {
  const rule = ruleOf(policy, plan);
  if (rule?.gates.includes(gate.name) !== true) return `the worker's policy lets nobody force ${gate.name}`;
  const signer = await findSigner(policy, force, { namespace: FORCE_NAMESPACE, by });
  if (!signer.isGood) return signer.why;
  return isInOneOf(policy, [rule.group], by) ? null : `${by} is not in group ${rule.group}`;
}

/** The policy of this moment: the environment's, or the pipeline's for the release's own gates. */
function ruleOf({ content }: LoadedPolicy, plan: ForceClaim['plan']): ForceRule | undefined {
  if ('environments' in plan) return content.pipelines.get(plan.pipeline)?.force;
  return rulesOfEnvironment(content, plan.pipeline, plan.name)?.force;
}

/** The first thing that is not what was signed; null = all of it is. */
function findOther({ gate, plan, requestId, subject }: ForceClaim, said: ForceStatement): string | null {
  const other = firstOther([
    ['pipeline', said.pipeline, plan.pipeline],
    ['gate', said.gate, gate.name],
    ['release', said.requestId, requestId],
    ['version', said.version, subject.version],
    ['commit', said.commit, subject.commit.sha],
  ]);
  const goesTo = 'environments' in plan ? plan.environments.map(({ name }) => name) : [plan.name];
  const isElsewhere = goesTo.some((name) => !said.environments.includes(name));
  return other ?? (isElsewhere ? 'environment' : null);
}
