/** `after:` in a plan: an environment takes only what was good on the one before it. Pure. */
import type { ReleasePlan } from '../pipeline/plan.js';
import { goodNow } from '../workflows/environment-memory.js';
import type { EnvironmentStatus } from '../workflows/messages.js';
import type { ReleaseRecord } from '../workflows/result.js';
import { wayToBeGood } from '../workflows/same-files.js';
import type { Refusal } from './local-plan.js';

export type StatusByName = ReadonlyMap<string, EnvironmentStatus | null>;

/** The release of this commit that is good on the environment now; null = none, or none known. */
export function findGood(
  status: StatusByName | null,
  environment: string,
  sha: string,
): ReleaseRecord | null {
  const known = status?.get(environment) ?? null;
  return known === null ? null : (goodNow(known).find(({ commit }) => commit.sha === sha) ?? null);
}

/** What the promotion would refuse: not good on an earlier environment, which this release does not pass either. */
export function listMissingBefore(plan: ReleasePlan, status: StatusByName): Refusal[] {
  const { pipeline, version, commit, ref, environments } = plan;
  return environments.flatMap(({ name, after }) =>
    after
      .filter((earlier) => !environments.some((passed) => passed.name === earlier))
      .filter((earlier) => findGood(status, earlier, commit.sha) === null)
      .map((earlier) => ({
        what: `${version} (${commit.sha.slice(0, 7)}) was not good on ${earlier}, and ${name} comes after it`,
        where: `${pipeline} ${name}`,
        wayOut: wayToBeGood({
          ...{ commit, ref, version, earlier, to: name },
          isGood: (sha) => findGood(status, earlier, sha) !== null,
        }),
      })),
  );
}
