/**
 * Up to which commit a branch needs no more reviews: what was let into the environment before. Whoever can write to
 * Temporal can say what is live, so only a release counts that seals show to have been let in; before the first of
 * them it is what the owner of the worker says.
 */
import { withHash } from '../../pipeline/hash-plan.js';
import type { EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import { PlanRefused, type PlanProblem } from '../../pipeline/plan-refused.js';
import { rulesOfEnvironment, type Policy } from '../../pipeline/policy-file.js';

type LetInCommit = (environment: string) => string | null;

/** Throws PlanRefused where a policy protects reviews of a branch whose beginning nobody vouches for. */
export function sinceReviewed(
  plan: ReleasePlan,
  policy: Policy | null,
  letInCommit: LetInCommit,
): ReleasePlan {
  const found = plan.environments.map((each) => environmentSinceReviewed(each, policy, letInCommit));
  const [first, ...others] = found.flatMap(({ problems }) => problems);
  if (first !== undefined) throw new PlanRefused([first, ...others]);
  return withHash({ ...plan, environments: found.map((each) => each.plan) });
}

/** The same of one environment, with what would refuse it. */
export function environmentSinceReviewed(
  plan: EnvironmentPlan,
  policy: Policy | null,
  letInCommit: LetInCommit,
): { plan: EnvironmentPlan; problems: PlanProblem[] } {
  const since = findSince(plan, policy, letInCommit);
  if (since === 'unknown') return { plan, problems: [unknownSince(plan)] };
  return { plan: withHash({ ...plan, ...since }), problems: [] };
}

export function asksForReviews({ approvals }: EnvironmentPlan): boolean {
  return approvals.some(({ by }) => by === 'github-review');
}

/** The way out where nothing that a worker let in is live. */
export function sayReviewed({ pipeline, name }: Pick<EnvironmentPlan, 'pipeline' | 'name'>): string {
  return `the owner of the worker adds reviewed: COMMIT to pipelines.${pipeline}.environments.${name} in policy.yaml: what is live there now, or the commit to begin with`;
}

/** null = nothing asks for it. */
function findSince(
  plan: EnvironmentPlan,
  policy: Policy | null,
  letInCommit: LetInCommit,
): { since: string } | 'unknown' | null {
  if (!asksForReviews(plan)) return null;
  const { pipeline, name } = plan;
  const owners = rulesOfEnvironment(policy, pipeline, name)?.reviewed ?? null;
  const since = letInCommit(name) ?? owners;
  if (since !== null) return { since };
  return policy === null ? null : 'unknown';
}

function unknownSince({ pipeline, name }: EnvironmentPlan): PlanProblem {
  return {
    what: `up to which commit ${name} needs no reviews is not known: nothing that a worker let in is live there`,
    where: `${pipeline} ${name}`,
    wayOut: sayReviewed({ pipeline, name }),
  };
}
