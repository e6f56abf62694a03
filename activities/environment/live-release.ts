/**
 * What an environment serves, as far as that may be believed. Whoever can write to Temporal can say what is live, so
 * where a policy protects only a release counts that seals show to have been let in; any other is unknown.
 */
import { rulesOfEnvironment } from '../../pipeline/policy-file.js';
import type { Activities } from '../../workflows/activity-contract.js';
import { isCommitId } from '../../pipeline/commit-id.js';
import type { Judge } from '../trust/judge.js';
import type { PolicyStore } from '../trust/policy-store.js';

export interface LiveRelease {
  /** Full sha. */
  commit: string;
  /** Do seals show that it was let in? Always true where a policy protects. */
  wasLetIn: boolean;
}

/** null = nothing is live, or nobody vouches for what is. */
export type FindLive = (pipeline: string, environment: string) => Promise<LiveRelease | null>;

export interface LiveReleaseDependencies {
  askEnvironment: Activities['askEnvironment'];
  policy: PolicyStore;
  judge: Pick<Judge, 'wasLetIn'>;
}

export function createFindLive({ askEnvironment, policy, judge }: LiveReleaseDependencies): FindLive {
  return async (pipeline, environment) => {
    const { live } = await askEnvironment({ pipeline, environment, requestId: null });
    if (live === null) return null;
    const wasLetIn = judge.wasLetIn(live, pipeline, environment);
    if (!wasLetIn && (await policy.read()) !== null) return null;
    const commit = live.commit.sha;
    return isCommitId(commit) ? { commit, wasLetIn } : null;
  };
}

/** The commit that a release is compared with: what is live, else what the owner of the worker says was. */
export function createFindBefore({
  findLive,
  policy,
}: {
  findLive: FindLive;
  policy: PolicyStore;
}): (pipeline: string, environment: string) => Promise<string | null> {
  return async (pipeline, environment) => {
    const live = await findLive(pipeline, environment);
    if (live !== null) return live.commit;
    const loaded = await policy.read();
    return rulesOfEnvironment(loaded?.content, pipeline, environment)?.reviewed ?? null;
  };
}
