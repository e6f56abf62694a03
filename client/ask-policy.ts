/** What the worker's policy makes of a plan that was compiled here: the stricter of the two is what is carried out. */
import { withHash } from '../pipeline/hash-plan.js';
import type { ReleasePlan } from '../pipeline/plan.js';
import type { PolicyAnswer } from '../workflows/activity-contract.js';
import type { SlipwayClient } from './release-client.js';

/** The plan as the worker would seal it, and what its policy refuses. Throws UserError when no worker answers. */
export async function askPolicy(
  client: SlipwayClient,
  plan: ReleasePlan,
): Promise<{ plan: ReleasePlan; problems: PolicyAnswer['problems'] }> {
  const { ref, file } = plan;
  const { force, ...rest } = plan;
  const origin = {
    ref,
    file,
    repository: plan.repository.url,
    ...(force === undefined ? {} : { force }),
  };
  const looking = { step: null, host: null, lines: 0, live: null };
  const answers = await Promise.all(
    plan.environments.map(async (environment): Promise<PolicyAnswer> => {
      const { policy } = await client.inspect({ what: 'policy', plan: environment, origin, ...looking });
      return policy ?? { plan: environment, problems: [] };
    }),
  );
  return {
    plan: withHash({
      ...rest,
      ...forceAfter(plan, answers),
      environments: answers.map((answer) => answer.plan),
    }),
    problems: answers.flatMap(({ problems }) => problems),
  };
}

/** Of the release's own gates: the same from every answer. An older worker says nothing of it. */
function forceAfter({ force }: ReleasePlan, [answer]: PolicyAnswer[]): Pick<ReleasePlan, 'force'> {
  const after = answer === undefined || answer.force === undefined ? force : (answer.force ?? undefined);
  return after === undefined ? {} : { force: after };
}
