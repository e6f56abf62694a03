/** Approvals by review: of the released commit, and of everything that came onto the branch with it. */
import { printable } from '../../pipeline/file-error.js';
import { matchesPattern } from '../../pipeline/match-ref.js';
import { checkCommitId } from '../source/git-names.js';
import type { BranchHistory } from './branch-history.js';
import type { GithubRepository } from './connect.js';
import { commitsOf, reviewsOf, type PullReviews } from './pull-reviews.js';
import { findWayInto, readPullRequests, type Merge, type PullRequest } from './pull-requests.js';
import type { Reviewers, Reviews } from './reviewer.js';

export interface ReviewSources {
  repository: GithubRepository;
  history: BranchHistory;
  reviewers: Reviewers;
}

/** Each is a handful of questions. */
const MOST_MERGES = 60;

/**
 * The approvals of the pull request that brought `commit` into `branch`, or of the least approved of all that came
 * since `since`. None when anything came there by another way, or a merge has more in it than was reviewed.
 */
export async function readReviews(
  { repository, history, reviewers }: ReviewSources,
  { commit, branch, since }: { commit: string; branch: string | null; since: string | null },
): Promise<Reviews> {
  const sha = checkCommitId(commit);
  const way = await findWayInto(repository, sha, branch);
  const last = way.at(-1);
  if (last === undefined) {
    const into = branch === null ? 'was merged' : `was merged into ${branch}`;
    return none(
      `${sha.slice(0, 7)} is neither the merge nor the head of a pull request that ${into} in ${repository.name}; merge it through one, and have it reviewed there`,
    );
  }
  const onBranch = await history.newOn(last.at, since);
  if (onBranch.length > MOST_MERGES)
    return none(
      `${onBranch.length} merges into ${last.pull.base} since ${since?.slice(0, 7)} are too many to read; release one in between first`,
    );
  const { merges, strays } = await explainCommits(repository, onBranch, { last, branch });
  if (strays.length > 0) {
    const which = strays.map((stray) => stray.slice(0, 7)).join(', ');
    return none(
      `${which} came into ${last.pull.base} past any pull request; have it reviewed in one, and protect the branch`,
    );
  }
  const reviews: PullReviews[] = [];
  for (const merge of [...way.slice(0, -1), ...merges]) {
    const commits = await commitsOf(repository, merge.pull);
    if (!(await history.isMergeOf(merge.at, merge.pull.headSha, commits.count)))
      return none(
        `${merge.at.slice(0, 7)} is not what merging #${merge.pull.number} as reviewed gives: something else is in it`,
      );
    if (merges.includes(merge)) reviews.push(await reviewsOf(repository, reviewers, merge.pull, commits));
  }
  return weakest(reviews);
}

const none = (note: string): Reviews => ({ given: [], rejectedBy: [], note: printable(note) });

/** By which pull requests the commits came; those that came by none are strays. */
async function explainCommits(
  repository: GithubRepository,
  commits: string[],
  { last, branch }: { last: Merge; branch: string | null },
): Promise<{ merges: Merge[]; strays: string[] }> {
  // one of the branches may have been begun on another: what was merged there was reviewed as well
  const isBase = (base: string): boolean =>
    base === last.pull.base || (branch !== null && matchesPattern(branch, base));
  const merges = new Map([[last.pull.number, last]]);
  const strays: string[] = [];
  for (const commit of commits) {
    if (commit === last.at) continue;
    const pulls = await readPullRequests(repository, commit);
    const merge = pulls
      .filter((pull) => pull.mergedAt !== null && isBase(pull.base))
      .map((pull) => ({ pull, at: endOf(pull, commits) }))
      .find(({ at }) => at !== null);
    if (merge === undefined || merge.at === null) strays.push(commit);
    else if (!merges.has(merge.pull.number))
      merges.set(merge.pull.number, { pull: merge.pull, at: merge.at });
  }
  return { merges: [...merges.values()], strays };
}

/** Where among these commits the pull request was complete: the others of a rebase come before. */
function endOf(pull: PullRequest, commits: string[]): string | null {
  return commits.find((commit) => commit === pull.mergeSha || commit === pull.headSha) ?? null;
}

/** Every pull request needs the approvals, so the one with the fewest speaks for all. */
function weakest(reviews: PullReviews[]): Reviews {
  const [fewest] = [...reviews].sort((a, b) => a.given.length - b.given.length);
  const notes = reviews.map(({ pull, given, ignored }) => {
    const who = given.length === 0 ? 'nobody' : given.map(({ by }) => by).join(', ');
    const others = ignored.length === 0 ? '' : ` (not counted: ${ignored.join(', ')})`;
    return `#${pull.number} into ${pull.base}: approved by ${who}${others}`;
  });
  return { given: fewest?.given ?? [], rejectedBy: [], note: printable(notes.join('; ')).slice(0, 2000) };
}
