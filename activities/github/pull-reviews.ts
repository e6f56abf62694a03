/** Who approved one pull request as it was merged. */
import type { GithubRepository } from './connect.js';
import { isBot } from './is-bot.js';
import { judgeReviews, type Review } from './judge-reviews.js';
import type { PullRequest } from './pull-requests.js';
import { isPersonAmong, oncePerPerson, type GivenReview, type Reviewers } from './reviewer.js';

export interface PullReviews {
  pull: PullRequest;
  /** Each person once. */
  given: GivenReview[];
  /** Who did not count, and why. */
  ignored: string[];
}

export interface PullCommits {
  count: number;
  /** Who wrote and who committed; null for an author GitHub does not know. GitHub's merges are by `web-flow`. */
  logins: (string | null)[];
}

/** GitHub lists no more commits of a pull request than this. */
const LISTED_COMMITS = 250;

export async function reviewsOf(
  repository: GithubRepository,
  reviewers: Reviewers,
  pull: PullRequest,
  { count, logins }: PullCommits,
): Promise<PullReviews> {
  const { counted, ignored } = judgeReviews(pull, logins, await listReviews(repository, pull));
  const given: GivenReview[] = [];
  for (const { by, at, url } of counted) {
    const own = isPersonAmong(reviewers, by, [pull.author, ...logins]);
    const why = own ? 'wrote some of it' : reviewers.whyNot(by);
    if (why !== null) ignored.push(`${by}: ${why}`);
    else if (await mayWrite(repository, by)) given.push({ by: reviewers.personOf(by), at, url });
    else ignored.push(`${by}: may not write to ${repository.name}`);
  }
  if (logins.includes(null)) ignored.push('some commits are by people GitHub does not know');
  if (count >= LISTED_COMMITS) ignored.push(`authors of the first ${LISTED_COMMITS} commits only`);
  return { pull, given: oncePerPerson(given), ignored };
}

async function listReviews(repository: GithubRepository, pull: PullRequest): Promise<Review[]> {
  const reviews = await repository.list(
    `read the reviews of #${pull.number}`,
    (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews', {
        ...at,
        pull_number: pull.number,
      }),
    (page) => page,
  );
  return reviews.map((review) => ({
    by: review.user?.login ?? null,
    isBot: isBot(review.user),
    state: review.state,
    commit: review.commit_id,
    at: review.submitted_at ?? '',
    url: review.html_url,
  }));
}

export async function commitsOf(repository: GithubRepository, pull: PullRequest): Promise<PullCommits> {
  const commits = await repository.list(
    `read the commits of #${pull.number}`,
    (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}/commits', {
        ...at,
        pull_number: pull.number,
      }),
    (page) => page,
  );
  const logins = commits.flatMap(({ author, committer }) => {
    const committed = loginOf(committer);
    return committed === null ? [loginOf(author)] : [loginOf(author), committed];
  });
  return { count: commits.length, logins };
}

function loginOf(account: { login?: string } | null): string | null {
  return account?.login ?? null;
}

/** Whoever can see a public repository can review there; GitHub counts only those who may write. */
async function mayWrite(repository: GithubRepository, username: string): Promise<boolean> {
  const found = await repository.find(`read what ${username} may do`, (octokit, at) =>
    octokit.request('GET /repos/{owner}/{repo}/collaborators/{username}/permission', { ...at, username }),
  );
  return found !== null && ['admin', 'write'].includes(found.permission);
}
