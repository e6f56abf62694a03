/** Pull requests a commit came through. */
import { matchesPattern } from '../../pipeline/match-ref.js';
import type { GithubRepository } from './connect.js';

export interface PullRequest {
  number: number;
  title: string;
  url: string;
  /** Branch it was merged into. */
  base: string;
  /** The commit that was reviewed and merged. */
  headSha: string;
  /** The commit the merge made on `base`. */
  mergeSha: string | null;
  mergedAt: string | null;
  /** Login; null when the account is gone. */
  author: string | null;
}

/** Of this repository, with the commit in them, merged or open. */
export async function readPullRequests(repository: GithubRepository, sha: string): Promise<PullRequest[]> {
  const pulls = await repository.list(
    `read the pull requests of ${sha.slice(0, 12)}`,
    (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', { ...at, commit_sha: sha }),
    (page) => page,
  );
  const own = repository.name.toLowerCase();
  return pulls
    .filter((pull) => pull.base.repo.full_name.toLowerCase() === own)
    .map((pull) => ({
      number: pull.number,
      title: pull.title,
      url: pull.html_url,
      base: pull.base.ref,
      headSha: pull.head.sha,
      mergeSha: pull.merge_commit_sha,
      mergedAt: pull.merged_at,
      author: pull.user?.login ?? null,
    }));
}

/** feature → dev → stage → main has three. */
const LONGEST_WAY = 4;

export interface Merge {
  pull: PullRequest;
  /** The commit on `pull.base`: the merge, or the head itself. */
  at: string;
}

/**
 * The pull request whose merge into `branch` (may be a pattern; null = any) is this commit, or whose head it is. When the
 * commit was made by merging another branch, the one that brought the merged head there is looked for in turn: main ←
 * stage ← dev; the way is given from the commit on, the wanted one last, and is empty when there is none. A commit in
 * the middle of a pull request is not what was reviewed, and finds none.
 */
export async function findWayInto(
  repository: GithubRepository,
  sha: string,
  branch: string | null,
): Promise<Merge[]> {
  const way: Merge[] = [];
  let commit = sha;
  for (let step = 0; step < LONGEST_WAY; step += 1) {
    const merged = (await readPullRequests(repository, commit)).filter((pull) => pull.mergedAt !== null);
    const made = merged.filter((pull) => pull.mergeSha === commit);
    const exact = [...made, ...merged.filter((pull) => pull.headSha === commit)];
    const best = exact.find((pull) => branch === null || matchesPattern(branch, pull.base));
    if (best !== undefined) return [...way, { pull: best, at: commit }];
    const [through] = made;
    if (through === undefined || through.headSha === commit) return [];
    way.push({ pull: through, at: commit });
    commit = through.headSha;
  }
  return [];
}
