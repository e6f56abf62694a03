/** Whose signed word a decision takes, as the plans at hand have it from the worker's policy. Pure. */
import type { DecisionSubject, EnvironmentPlan, MayRule } from '../pipeline/plan.js';
import type { ChangeRequest, EnvironmentState } from './messages.js';
import type { ReleaseRecord } from './result.js';

/** Of the first plan that says so; null = nobody's. */
export function groupsThatMay(
  right: keyof MayRule,
  plans: (Pick<EnvironmentPlan, 'may'> | undefined)[],
): readonly string[] | null {
  return plans.map((plan) => plan?.may?.[right]).find((groups) => groups !== undefined) ?? null;
}

/** Of what is live, else of what comes: an environment knows no policy but that of its releases. */
export function groupsThatMayFreeze({
  live,
  inFlight,
  queue,
}: Pick<EnvironmentState, 'live' | 'inFlight' | 'queue'>): readonly string[] | null {
  return groupsThatMay('freeze', [live?.plan, inFlight?.request.plan, queue[0]?.plan]);
}

/** By the policy that its release was planned under, or the newer one of what is live. */
export function groupsThatMayBringBack(
  record: Pick<ReleaseRecord, 'plan'>,
  live: ReleaseRecord | null,
): readonly string[] | null {
  return groupsThatMay('rollback', [record.plan, live?.plan]);
}

/** What a decision about a release is signed about. */
export function releaseOf({
  version,
  commit,
  plan,
  artifacts,
}: Pick<ChangeRequest, 'version' | 'commit' | 'plan' | 'artifacts'>): NonNullable<
  DecisionSubject['release']
> {
  const digests = artifacts.map(({ digest }) => digest);
  return { version, commit: commit.sha, planHash: plan.planHash, digests };
}

/** What is said to whoever has not signed; `command` writes it. No groups = they are not the point. */
export function refuseUnsigned(groups: readonly string[], command: string): string {
  const who = groups.length === 0 ? '' : ` by somebody of ${groups.join(' or ')}`;
  return `the policy wants it signed${who}; ${command} signs it, and with --print writes what temporal workflow signal sends`;
}
