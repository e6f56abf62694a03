/** Whether somebody may switch, roll back or freeze: who really said it, about what, and whether the policy lets that person. */
import {
  DECISION_NAMESPACE,
  readDecision,
  type DecisionStatement,
} from '../../pipeline/decision-statement.js';
import type { DecisionSubject, MayRule } from '../../pipeline/plan.js';
import { hasOtherReason, reasonIn } from '../../pipeline/signed-statement.js';
import type { Activities, DecisionClaim } from '../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../workflows/result.js';
import { stoppable } from '../processes/stop.js';
import type { PolicyStore } from './policy-store.js';
import {
  findSigner,
  firstOther,
  groupsOfPolicy,
  isInOneOf,
  noteOf,
  notInGroups,
  OTHER_REASON,
} from './signed-word.js';
import type { Denied } from './ssh-signature.js';

type Counted = Required<Pick<EvidenceItem, 'proof' | 'note'>> & Pick<EvidenceItem, 'reason'>;

const RIGHT: Record<DecisionSubject['decision'], keyof MayRule> = {
  switch: 'switch',
  rollback: 'rollback',
  freeze: 'freeze',
  unfreeze: 'freeze',
};

export function createVerifyDecision({ policy }: { policy: PolicyStore }): Activities['verifyDecision'] {
  return async (claim) =>
    await stoppable('the signature', async (): Promise<EvidenceItem> => {
      const { by, subject } = claim;
      const at = new Date().toISOString();
      const common = { kind: 'decision' as const, name: subject.decision, by, at };
      const answer = await judge(policy, claim);
      if ('why' in answer) return { ...common, verdict: 'fail', ...noteOf(answer) };
      return { ...common, verdict: 'approved', ...answer };
    });
}

async function judge(
  store: PolicyStore,
  { subject, by, reason, statement }: DecisionClaim,
): Promise<Counted | Denied> {
  const policy = await store.read();
  const groups = groupsOfPolicy(policy, subject, RIGHT[subject.decision]);
  // what nothing protects is as good as its clients
  if (policy === null || groups === null) return { proof: 'unverified', note: 'identity: unverified' };
  const said = readDecision(statement.payload);
  const wayOut = `sign it again: ${commandOf(subject)}`;
  if (said === null) return { why: 'what was signed is no decision', wayOut };
  const wrong = said.by === by ? findOther(subject, said) : 'person';
  if (wrong !== null) return { why: `it was signed for another ${wrong}`, wayOut };
  if (hasOtherReason(said, reason)) return { why: OTHER_REASON, wayOut };
  if (Date.parse(said.expires) <= Date.now()) return { why: `it expired at ${said.expires}`, wayOut };
  const signer = await findSigner(policy, statement, { namespace: DECISION_NAMESPACE, by });
  if (!signer.isGood) return signer;
  if (!isInOneOf(policy, groups, by)) return notInGroups(policy, by, groups);
  return { proof: 'ssh', note: `signed with ${signer.fingerprint}`, ...reasonIn(said) };
}

function commandOf({ decision, environment, release, restoreDatabase }: DecisionSubject): string {
  const version = decision === 'rollback' && release !== null ? ` ${release.version}` : '';
  const restores = restoreDatabase === undefined ? '' : ' --restore-database';
  return `slipway ${decision} ${environment}${version}${restores}`;
}

/** The first thing that is not what was signed; null = all of it is. */
function findOther(asked: DecisionSubject, said: DecisionStatement): string | null {
  return firstOther([
    ['decision', said.decision, asked.decision],
    ['pipeline', said.pipeline, asked.pipeline],
    ['environment', said.environment, asked.environment],
    ['version', said.release?.version, asked.release?.version],
    ['commit', said.release?.commit, asked.release?.commit],
    ['plan', said.release?.planHash, asked.release?.planHash],
    ['digest', said.release?.digests.join(), asked.release?.digests.join()],
    ['request', said.requestId, asked.requestId],
    ['change', said.token, asked.token],
    ['end', said.until, asked.until],
    ['backup', said.restoreDatabase, asked.restoreDatabase],
  ]);
}
