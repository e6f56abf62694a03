/** Whether a gate that says no may be passed all the same: who really said so, about what, and whether that person may. */
import { FORCE_NAMESPACE, readForce, type ForceStatement } from '../../pipeline/force-statement.js';
import type { ForceRule } from '../../pipeline/plan.js';
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
import type { Activities, ForceClaim } from '../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { stoppable } from '../processes/stop.js';
import type { LoadedPolicy, PolicyStore } from './policy-store.js';
import { findSigner, firstOther, isInOneOf, noteOf, notInGroups } from './signed-word.js';
import type { Denied } from './ssh-signature.js';

const SIGN_AGAIN = 'release it again with --force, which signs it (docs/force.md#how)';

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
      const answer =
        said === null
          ? { why: 'what was signed is no force', wayOut: SIGN_AGAIN }
          : await judge(policy, claim, said);
      if ('why' in answer) return { ...common, by: said?.by ?? null, verdict: 'fail', ...noteOf(answer) };
      const { by, reason, ticket, proof } = answer;
      return { ...common, by, verdict: 'forced', note: reason, ticket, proof };
    });
}

async function judge(store: PolicyStore, claim: ForceClaim, said: ForceStatement): Promise<Counted | Denied> {
  const { gate, plan } = claim;
  if (plan.force?.gates.includes(gate.name) !== true)
    return {
      why: `nobody may force ${gate.name}`,
      wayOut: 'both files must name it (docs/force.md#who-may)',
    };
  const wrong = findMissing(claim, said);
  if (wrong !== null) return { why: wrong, wayOut: SIGN_AGAIN };
  const policy = await store.read();
  // what nothing protects is as good as its clients
  const why = policy === null ? null : await denySigned(policy, claim, said);
  return why ?? { ...said, proof: policy === null ? 'unverified' : 'ssh' };
}

/** What of a statement keeps it from counting, whoever signed it. */
function findMissing(claim: ForceClaim, said: ForceStatement): string | null {
  const wrong = findOther(claim, said);
  if (wrong !== null) return `it was signed for another ${wrong}`;
  if (said.reason.trim() === '') return 'it gives no reason';
  if (said.ticket.trim() === '') return 'it names no ticket';
  return Date.parse(said.expires) <= Date.now() ? `it expired at ${said.expires}` : null;
}

/** null = the person signed it, and may. */
async function denySigned(
  policy: LoadedPolicy,
  { gate, plan, force }: ForceClaim,
  { by }: ForceStatement,
): Promise<Denied | null> {
  const rule = ruleOf(policy, plan);
  if (rule?.gates.includes(gate.name) !== true)
    return {
      why: `the worker's policy lets nobody force ${gate.name}`,
      wayOut: 'the owner of the worker names it under force in its policy.yaml (docs/force.md#who-may)',
    };
  const signer = await findSigner(policy, force, { namespace: FORCE_NAMESPACE, by });
  if (!signer.isGood) return signer;
  return isInOneOf(policy, [rule.group], by) ? null : notInGroups(policy, by, [rule.group]);
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
