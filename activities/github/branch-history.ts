/** What git itself knows of how commits came onto a branch: GitHub believes any push that contains a reviewed head. */
import { refused } from '../failure.js';
import { checkCommitId } from '../source/git-names.js';
import { withObjects } from '../source/git-objects.js';
import { gitFailed, readGit, runGit } from '../source/run-git.js';
import type { Mirror, Source } from '../source/source.js';

export interface BranchHistory {
  /**
   * The commits that made the branch what it is at `at`, after `since`, newest first and `at` among them: merges and
   * pushes, not what they brought. null = only `at`.
   */
  newOn(at: string, since: string | null): Promise<string[]>;
  /** Has `at` exactly the files that merging `head` gives? `commits` is how many the pull request has. */
  isMergeOf(at: string, head: string, commits: number): Promise<boolean>;
}

/** Exit code of a git that does not know an option. */
const USAGE = 129;

export function createBranchHistory(
  source: Source,
  repositoryUrl: string,
  signal?: AbortSignal,
): BranchHistory {
  const fetch = (commit: string): Promise<Mirror> => source.fetchCommit(repositoryUrl, commit, signal);
  return {
    async newOn(at, since) {
      const mirror = await fetch(checkCommitId(at));
      if (since === null) return [at];
      await fetch(checkCommitId(since));
      const args = ['rev-list', '--first-parent', at, `^${since}`];
      const listed = (await readGit({ repository: mirror.folder, args, signal })).split('\n').filter(Boolean);
      return listed.includes(at) ? listed : [at, ...listed];
    },

    async isMergeOf(at, head, commits) {
      if (at === head) return true;
      const mirror = await fetch(checkCommitId(at));
      await fetch(checkCommitId(head));
      return await withObjects(mirror, async (objects) => {
        const wanted = await objects.read(`${at}^{tree}`);
        if (wanted === null) throw new Error(`${at}: the repository has lost its content`);
        // a merge and a squash stand on the branch as it was; a rebase put all its commits there, one after the other
        for (const base of [`${at}^1`, `${at}~${commits}`]) {
          const before = await objects.read(`${base}^{commit}`);
          if (before !== null && (await mergeTrees(mirror, before.id, head)) === wanted.id) return true;
        }
        return false;
      });
    },
  };
}

/** The tree that merging gives; null when it cannot be merged without a hand. */
async function mergeTrees(mirror: Mirror, ours: string, theirs: string): Promise<string | null> {
  const call = { repository: mirror.folder, args: ['merge-tree', '--write-tree', ours, theirs] };
  const answer = await runGit(call);
  if (answer.exitCode === 0) return answer.stdout.toString('utf8').trim();
  if (answer.exitCode === 1) return null;
  if (answer.exitCode !== USAGE) throw gitFailed(call, answer);
  throw refused({
    what: 'git on the worker is too old to check what a merge added',
    where: mirror.name,
    why: answer.stderr,
    wayOut: 'install git 2.38 or newer on the worker',
  });
}
