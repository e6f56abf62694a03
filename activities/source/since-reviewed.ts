/**
 * Up to which commit a branch needs no more reviews: what was let into the environment before. Whoever can write to
 * Temporal can say what is live, so only a release counts that seals show to have been let in; before the first of
 * them it is what the owner of the worker says.
 */
import { withHash } from '../../pipeline/hash-plan.js';
import type { EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import { PlanRefused, type PlanProblem } from '../../pipeline/plan-refused.js';
import type { Policy } from '../../pipeline/policy-file.js';

type LetInCommit = (environment: string) => string | null;

/** Throws PlanRefused where a policy protects reviews of a branch whose beginning nobody vouches for. */
export function sinceReviewed(
  plan: ReleasePlan,
  policy: Policy | null,
  letInCommit: LetInCommit,
): ReleasePlan {
  const problems: PlanProblem[] = [];
  const environments = [];
  for (const environment of plan.environments) {
    const since = findSince(environment, policy, letInCommit);
    if (since === 'unknown') problems.push(unknownSince(environment));
    environments.push(typeof since === 'object' ? withHash({ ...environment, ...since }) : environment);
  }
  const [first, ...others] = problems;
  if (first !== undefined) throw new PlanRefused([first, ...others]);
  return withHash({ ...plan, environments });
}

/** null = nothing asks for it. */
function findSince(
  { pipeline, name, approvals }: EnvironmentPlan,
  policy: Policy | null,
  letInCommit: LetInCommit,
): { since: string } | 'unknown' | null {
  if (!approvals.some(({ by }) => by === 'github-review')) return null;
  const owners = policy?.pipelines.get(pipeline)?.environments.get(name)?.reviewed ?? null;
  const since = letInCommit(name) ?? owners;
  if (since !== null) return { since };
  return policy === null ? null : 'unknown';
}

function unknownSince({ pipeline, name }: EnvironmentPlan): PlanProblem {
  return {
    what: `up to which commit ${name} needs no reviews is not known: nothing that a worker let in is live there`,
    where: `${pipeline} ${name}`,
    wayOut: `the owner of the worker adds reviewed: COMMIT to pipelines.${pipeline}.environments.${name} in policy.yaml: what is live there now, or the commit to begin with`,
  };
}
