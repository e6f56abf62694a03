/**
 * Who may switch traffic and bring a release back is the policy's to say, and here a worker looks for the word of one of
 * them. The way back of a change (undo, recovery) asks nobody: it is authorised by what let the release before it in.
 */
import type { Target } from '../../workflows/activity-contract.js';
import { denied } from './denied.js';
import type { LoadedPolicy, PolicyStore } from './policy-store.js';
import { wasCarriedOut } from './receipts.js';
import type { SealKeys } from './seal-keys.js';
import { groupsOfPolicy, isInOneOf } from './signed-word.js';
import { isAbout, openSeal, subjectOf, type StatementOf } from './statements.js';

export class SignedDecisions {
  constructor(
    private readonly keys: SealKeys,
    private readonly policy: PolicyStore,
  ) {}

  /** What was there once comes again by a word for it: rollback and redeploy. */
  async comesBack(target: Target): Promise<void> {
    if (bringsBack(target)) this.requireRollback(target, await this.policy.read());
  }

  /**
   * A database is taken back, or restored from the backup of this name, only by the word that brings back the release
   * that runs on it then, whatever the change calls itself.
   */
  async rewinds(comesBack: Target, backup: string | null): Promise<void> {
    this.requireRollback(comesBack, await this.policy.read(), backup);
  }

  /** Traffic moves to what this change has deployed by a word for this very change, and to what comes back as it came. */
  async switches(target: Target): Promise<void> {
    const policy = await this.policy.read();
    if (bringsBack(target)) this.requireRollback(target, policy);
    const groups = groupsOfPolicy(policy, subjectOf(target, target.plan), 'switch');
    if (policy === null || groups === null) return;
    // a host that gets what the others serve has its proxy moved by nobody's word
    if (target.kind === 'rollback' || target.kind === 'readmit')
      return this.requireEarlierTraffic(target, policy);
    const words = this.given(target, 'switch').filter(({ token }) => token === target.token);
    if (words.some(({ by }) => isInOneOf(policy, groups, by))) return;
    const { plan, version } = target;
    throw denied(
      `${plan.pipeline} ${plan.name}`,
      `nobody of ${groups.join(' or ')} has signed that traffic moves to ${version}`,
      `traffic stays; release it again, then slipway switch ${plan.name} --key KEY`,
    );
  }

  private requireRollback(target: Target, policy: LoadedPolicy | null, backup: string | null = null): void {
    const groups = groupsOfPolicy(policy, subjectOf(target, target.plan), 'rollback');
    if (policy === null || groups === null) return;
    const words = this.given(target, 'rollback').filter(
      (said) => backup === null || said.restoreDatabase === backup,
    );
    if (words.some(({ by }) => isInOneOf(policy, groups, by))) return;
    const { plan, version } = target;
    const restores = backup === null ? '' : ` with the database from ${backup}`;
    const option = backup === null ? '' : ' --restore-database';
    throw denied(
      `${plan.pipeline} ${plan.name}`,
      `nobody of ${groups.join(' or ')} has signed that ${version} comes back${restores}`,
      `nothing was touched; somebody of them signs it: slipway rollback ${plan.name} ${version}${option} --key KEY`,
    );
  }

  /** Whatever calls itself that: somebody signed that it comes back, or traffic was there before. */
  private requireEarlierTraffic(target: Target, policy: LoadedPolicy): void {
    const signed = groupsOfPolicy(policy, subjectOf(target, target.plan), 'rollback') !== null;
    if (signed && bringsBack(target)) return;
    const { plan, version, receipts = [] } = target;
    if (wasCarriedOut(this.keys, receipts, subjectOf(target, target.plan))) return;
    throw denied(
      `${plan.pipeline} ${plan.name}`,
      `nobody vouches that ${version} had the traffic before`,
      `nothing was touched; release it again: slipway release ${version} --to ${plan.name}`,
    );
  }

  /** Words that still count, about exactly this release. */
  private given(target: Target, decision: 'switch' | 'rollback'): StatementOf<'decision'>[] {
    const { plan, decisions = [] } = target;
    const subject = subjectOf(target, plan);
    return decisions
      .flatMap(({ seal }) => openSeal(this.keys, seal, 'decision') ?? [])
      .filter(
        (said) =>
          said.decision === decision &&
          isAbout(said, subject) &&
          said.planHash === plan.planHash &&
          Date.parse(said.expires) > Date.now(),
      );
  }
}

function bringsBack({ kind }: Target): boolean {
  return kind === 'rollback' || kind === 'redeploy';
}
