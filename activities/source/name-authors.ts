/**
 * Nobody approves their own work, so everybody is named who wrote what an environment does not serve yet. Where nobody
 * vouches for what it serves that is everybody since the commit its owner names, or since the beginning: otherwise
 * whoever lets Temporal forget what is live could approve what they wrote before the last commit.
 */
import { askAuthors, PlanRefused, type Policy } from '../../pipeline/index.js';
import { withHash } from '../../pipeline/hash-plan.js';
import type { ReleasePlan } from '../../pipeline/plan.js';
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
import { askMirror } from './history.js';
import { sayReviewed } from './since-reviewed.js';
import { hasCommit, type Mirror } from './source.js';

/** Of all their addresses: they travel in every seal of the plan. */
const MOST_CHARACTERS = 10_000;

/**
 * `isKnown`: does this environment serve a commit that counts, so that its authors are named already? Throws PlanRefused
 * for more authors than a plan can carry.
 */
export async function nameAuthors(
  plan: ReleasePlan,
  policy: Policy | null,
  mirror: Mirror,
  isKnown: (environment: string) => boolean,
): Promise<ReleasePlan> {
  const asking = plan.environments.filter(
    ({ name, approvals, selfApproval }) => approvals.length > 0 && !selfApproval && !isKnown(name),
  );
  const [first] = asking;
  if (policy === null || first === undefined) return plan;
  const authors = new Set(plan.commit.authors);
  for (const { pipeline, name } of asking) {
    const reviewed = rulesOfEnvironment(policy, pipeline, name)?.reviewed ?? null;
    const since = reviewed !== null && (await hasCommit(mirror, reviewed)) ? reviewed : null;
    for (const author of await askAuthors(askMirror(mirror), plan.commit.sha, since)) authors.add(author);
  }
  if ([...authors].join().length > MOST_CHARACTERS)
    throw new PlanRefused([
      {
        what: `nobody approves their own work, and ${authors.size} people wrote what ${first.name} does not serve yet: nothing that a worker let in is live there`,
        where: `${first.pipeline} ${first.name}`,
        wayOut: sayReviewed(first),
      },
    ]);
  return withHash({ ...plan, commit: { ...plan.commit, authors: [...authors].sort() } });
}
