/** Whether an approval counts: who really said it, about what, and whether that person may. */
import { readApproval, APPROVAL_NAMESPACE } from '../../pipeline/approval-statement.js';
import { hasOtherReason, reasonIn } from '../../pipeline/signed-statement.js';
import type { Activities, ApprovalClaim } from '../../workflows/activity-contract.js';
import { isAmong } from '../../workflows/decisions.js';
import { fillsOpenSlot } from '../../workflows/missing-approvals.js';
import type { SignedStatement } from '../../workflows/signed-statements.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { stoppable } from '../processes/stop.js';
import type { LoadedPolicy, PolicyStore } from './policy-store.js';
import type { SealKeys } from './seal-keys.js';
import {
  findSigner,
  firstOther,
  isInOneOf,
  namedOtherwise,
  noteOf,
  notInGroups,
  OTHER_REASON,
} from './signed-word.js';
import type { Denied } from './ssh-signature.js';
import { forcersOf } from './gate-words.js';
import { openSeal } from './statements.js';
import type { TokenHolders } from './token-holder.js';
import { isOwnWork, namesOf } from './who.js';

export interface ApprovalDependencies {
  policy: PolicyStore;
  sealKeys: SealKeys;
  tokens: TokenHolders;
}

const ASK_OTHERS = 'ask somebody else';

interface Counted {
  group: string | null;
  proof: 'ssh' | 'oidc' | 'unverified';
  note: string;
  reason?: string | null;
}

export function createVerifyApproval(deps: ApprovalDependencies): Activities['verifyApproval'] {
  return async (claim) =>
    await stoppable('the approval', async (): Promise<EvidenceItem> => {
      const { by } = claim.decision;
      const at = new Date().toISOString();
      const common = { kind: 'approval' as const, by, at };
      const answer = await judge(deps, claim);
      if ('why' in answer) return { ...common, name: 'approval', verdict: 'fail', ...noteOf(answer) };
      const { group } = answer;
      const name = group === null ? 'approval' : `approval of ${group}`;
      return { ...common, name, verdict: 'approved', ...answer };
    });
}

async function judge(deps: ApprovalDependencies, claim: ApprovalClaim): Promise<Counted | Denied> {
  const { plan, requester, decision } = claim;
  const { by, group, statement } = decision;
  const authors = openSeal(deps.sealKeys, plan.seal, 'plan')?.authors ?? [];
  const policy = await deps.policy.read();
  const names = namesOf(by, policy?.content ?? null);
  if (!plan.selfApproval && isOwnWork(names, requester, authors))
    return { why: `${by} asked for this release or wrote it`, wayOut: ASK_OTHERS };
  const forcers = forcersOf(deps.sealKeys, claim);
  if (!plan.selfApproval && names.some((name) => isAmong(name, forcers)))
    return { why: `${by} forced a gate of this release`, wayOut: ASK_OTHERS };
  // what nothing protects is as good as its clients
  if (policy === null || plan.policy === undefined)
    return { group, proof: 'unverified', note: 'identity: unverified' };
  if (statement === undefined) {
    if (plan.approvals.some((rule) => rule.by === 'unverified'))
      return { group, proof: 'unverified', note: 'identity: unverified' };
    return { why: 'it is not signed', wayOut: `slipway approve ${plan.name} signs with your SSH key` };
  }
  return await judgeSigned(deps, policy, claim, statement);
}

async function judgeSigned(
  { tokens }: ApprovalDependencies,
  policy: LoadedPolicy,
  claim: ApprovalClaim,
  statement: SignedStatement,
): Promise<Counted | Denied> {
  const said = readApproval(statement.payload);
  const wayOut = `sign it again: slipway approve ${claim.plan.name}`;
  if (said === null) return { why: 'what was signed is no approval', wayOut };
  const wrong = findOther(claim, said);
  if (wrong !== null) return { why: `it was signed for another ${wrong}`, wayOut };
  if (hasOtherReason(said, claim.decision.reason)) return { why: OTHER_REASON, wayOut };
  if (Date.parse(said.expires) <= Date.now()) return { why: `it expired at ${said.expires}`, wayOut };
  const { by } = said;
  const proof = statement.scheme;
  const signer =
    proof === 'oidc'
      ? await tokens.find(policy, statement, said)
      : await findSigner(policy, statement, { namespace: APPROVAL_NAMESPACE, by });
  if (!signer.isGood) return signer;
  const isIn = (group: string): boolean => isInOneOf(policy, [group], by);
  if (said.group !== null && !isIn(said.group)) return notInGroups(policy, by, [said.group]);
  const own = claim.plan.approvals.flatMap(({ group }) => (group !== null && isIn(group) ? [group] : []));
  const { plan, counted = [] } = claim;
  const groups = plan.approvals.flatMap(({ group }) => group ?? []);
  const isNobody = said.group === null && own.length === 0 && groups.length === plan.approvals.length;
  if (isNobody && namedOtherwise(policy, groups, by) !== null) return notInGroups(policy, by, groups);
  const isMissing = (group: string): boolean =>
    fillsOpenSlot(plan.approvals, counted, { by, group, at: '', proof });
  return {
    group: said.group ?? own.find(isMissing) ?? own[0] ?? null,
    proof,
    note: 'note' in signer ? signer.note : `signed with ${signer.fingerprint}`,
    ...reasonIn(said),
  };
}

/** The first thing that is not what was signed; null = all of it is. */
function findOther(
  { plan, requestId, version, commit, artifacts, decision }: ApprovalClaim,
  said: NonNullable<ReturnType<typeof readApproval>>,
): string | null {
  return firstOther([
    ['pipeline', said.pipeline, plan.pipeline],
    ['environment', said.environment, plan.name],
    ['release', said.requestId, requestId],
    ['version', said.version, version],
    ['commit', said.commit, commit.sha],
    ['plan', said.planHash, plan.planHash],
    ['digest', said.digests.join(), artifacts.map(({ digest }) => digest).join()],
    ['person', said.by, decision.by],
    ['group', said.group ?? '', decision.group ?? ''],
  ]);
}
