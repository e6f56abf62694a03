/**
 * Reviews of a GitHub environment: somebody let a workflow run deploy to it. The run is found by its commit, so a
 * rerun or a second workflow counts too.
 */
import { printable } from '../../pipeline/file-error.js';
import { checkCommitId } from '../source/git-names.js';
import type { GithubRepository } from './connect.js';
import { isBot } from './is-bot.js';
import { isPersonAmong, oncePerPerson, type GivenReview, type Reviewers, type Reviews } from './reviewer.js';

export interface DeploymentOf {
  commit: string;
  /** Of GitHub's. */
  environment: string;
}

/** Each is one more question. All or none: whoever may start runs could push a rejection out of sight by starting more. */
const MOST_RUNS = 100;
const MOST_LISTED = 1000;
/** What the clock or any visitor starts on the head of the default branch deploys no release. */
const STARTED_BY_ANYBODY = [
  ...['schedule', 'watch', 'fork', 'gollum'],
  ...['issues', 'issue_comment', 'discussion', 'discussion_comment'],
];

export interface EnvironmentReview {
  by: string | null;
  isBot: boolean;
  /** approved, rejected or pending. */
  state: string;
  environments: string[];
  /** Who started the run, and started it again. */
  startedBy: (string | null)[];
  at: string;
  url: string;
}

export async function readEnvironmentReviews(
  { repository, reviewers }: { repository: GithubRepository; reviewers: Reviewers },
  { commit, environment }: DeploymentOf,
): Promise<Reviews> {
  const sha = checkCommitId(commit);
  const listed = await repository.list(
    `read the workflow runs of ${sha.slice(0, 12)}`,
    (octokit, at) => octokit.request('GET /repos/{owner}/{repo}/actions/runs', { ...at, head_sha: sha }),
    (page) => page.workflow_runs,
    MOST_LISTED,
  );
  const runs = listed.filter(({ event }) => !STARTED_BY_ANYBODY.includes(event));
  if (runs.length > MOST_RUNS || listed.length === MOST_LISTED)
    return {
      given: [],
      rejectedBy: [],
      note: `${listed.length} workflow runs of ${sha.slice(0, 7)} are too many to read, and one of them may be rejected; release a commit with fewer`,
    };
  const reviews: EnvironmentReview[] = [];
  for (const run of runs) {
    const given = await repository.ask(`read the reviews of run ${run.id}`, (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals', {
        ...at,
        run_id: Number(run.id),
      }),
    );
    for (const review of given) {
      reviews.push({
        by: review.user?.login ?? null,
        isBot: isBot(review.user),
        state: review.state,
        environments: review.environments.map(({ name }) => name ?? ''),
        startedBy: [run.actor?.login ?? null, run.triggering_actor?.login ?? null],
        // GitHub says who and what, but not when
        at: run.updated_at,
        url: run.html_url,
      });
    }
  }
  return judgeEnvironmentReviews({ commit: sha, environment, runs: runs.length }, reviews, reviewers);
}

/** Each person once; a rejection outweighs every approval; who started the run and bots never count. Pure. */
export function judgeEnvironmentReviews(
  { commit, environment, runs }: DeploymentOf & { runs: number },
  reviews: readonly EnvironmentReview[],
  reviewers: Reviewers,
): Reviews {
  const own = reviews.filter((review) =>
    review.environments.some((name) => name.toLowerCase() === environment.toLowerCase()),
  );
  const rejectedBy = [
    ...new Set(own.filter(({ state }) => state === 'rejected').map(({ by }) => by ?? 'a lost account')),
  ];
  const approvals: GivenReview[] = [];
  const ignored: string[] = [];
  for (const review of own) {
    if (review.state !== 'approved') continue;
    const { by } = review;
    const why = whyNot(review, reviewers);
    if (by === null) ignored.push('an account that is gone');
    else if (why !== null) ignored.push(`${by}: ${why}`);
    else approvals.push({ by: reviewers.personOf(by), at: review.at, url: review.url });
  }
  const given = rejectedBy.length > 0 ? [] : oncePerPerson(approvals);
  const who = given.length === 0 ? 'nobody' : given.map(({ by }) => by).join(', ');
  const parts = [
    `environment ${environment}, ${runs} ${runs === 1 ? 'run' : 'runs'} of ${commit.slice(0, 7)}: approved by ${who}`,
    ...(rejectedBy.length === 0 ? [] : [`rejected by ${rejectedBy.join(', ')}`]),
    ...(ignored.length === 0 ? [] : [`not counted: ${ignored.join(', ')}`]),
  ];
  return { given, rejectedBy, note: printable(parts.join('; ')).slice(0, 2000) };
}

function whyNot({ by, isBot: bot, startedBy }: EnvironmentReview, reviewers: Reviewers): string | null {
  if (by === null) return null;
  if (bot) return 'is a bot';
  return isPersonAmong(reviewers, by, startedBy) ? 'started the run' : reviewers.whyNot(by);
}
