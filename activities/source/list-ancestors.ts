import type { Activities } from '../../workflows/activity-contract.js';
import { stoppable } from '../processes/stop.js';
import { isCommitId } from '../../pipeline/commit-id.js';
import { isAncestor } from './history.js';
import { hasCommit, type Source } from './source.js';

/** Ancestry decides what supersedes what; a candidate the repository no longer has is nobody's ancestor. */
export function createListAncestors(deps: { source: Source }): Activities['listAncestors'] {
  return async ({ repositoryUrl, commit, candidates }) =>
    await stoppable('looking for ancestors', async (signal) => {
      const mirror = await deps.source.fetchCommit(repositoryUrl, commit, signal);
      const ancestors: string[] = [];
      for (const candidate of new Set(candidates)) {
        const known = isCommitId(candidate) && candidate !== commit && (await hasCommit(mirror, candidate));
        if (known && (await isAncestor(mirror, candidate, commit))) ancestors.push(candidate);
      }
      return { ancestors };
    });
}
