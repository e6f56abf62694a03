/**
 * Reviews of a GitHub environment: somebody let a workflow run deploy to it. The run is found by its commit, so a
 * rerun or a second workflow counts too.
 */
import { printable } from '../../pipeline/file-error.js';
import type { Activities, GithubApprovals } from '../../workflows/activity-contract.js';
import { checkCommitId } from '../source/git-names.js';
import type { GithubRepository } from './connect.js';
import { isBot } from './is-bot.js';

type Input = Omit<Parameters<Activities['readEnvironmentApprovals']>[0], 'repositoryUrl'>;
type EnvironmentApprovals = Awaited<ReturnType<Activities['readEnvironmentApprovals']>>;

/** The newest runs of the commit; each is one more question. */
const MOST_RUNS = 30;

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
  repository: GithubRepository,
  { commit, environment }: Input,
): Promise<EnvironmentApprovals> {
  const sha = checkCommitId(commit);
  const runs = await repository.list(
    `read the workflow runs of ${sha.slice(0, 12)}`,
    (octokit, at) => octokit.request('GET /repos/{owner}/{repo}/actions/runs', { ...at, head_sha: sha }),
    (page) => page.workflow_runs,
    MOST_RUNS,
  );
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
  return judgeEnvironmentReviews({ commit: sha, environment }, reviews, runs.length);
}

/** Each person once; a rejection outweighs every approval; who started the run and bots never count. Pure. */
export function judgeEnvironmentReviews(
  { commit, environment }: Input,
  reviews: readonly EnvironmentReview[],
  runs: number,
): EnvironmentApprovals {
  const own = reviews.filter((review) =>
    review.environments.some((name) => name.toLowerCase() === environment.toLowerCase()),
  );
  const rejectedBy = [
    ...new Set(own.filter(({ state }) => state === 'rejected').map(({ by }) => by ?? 'a lost account')),
  ];
  const approvals = new Map<string, GithubApprovals['approvals'][number]>();
  const ignored: string[] = [];
  for (const review of own) {
    if (review.state !== 'approved') continue;
    const { by } = review;
    if (by === null) ignored.push('an account that is gone');
    else if (review.isBot) ignored.push(`${by}: is a bot`);
    else if (review.startedBy.some((login) => login?.toLowerCase() === by.toLowerCase()))
      ignored.push(`${by}: started the run`);
    else approvals.set(by.toLowerCase(), { by, at: review.at, reviewUrl: review.url, commit });
  }
  const counted = rejectedBy.length > 0 ? [] : [...approvals.values()];
  const who = counted.length === 0 ? 'nobody' : counted.map(({ by }) => by).join(', ');
  const parts = [
    `environment ${environment}, ${runs} ${runs === 1 ? 'run' : 'runs'} of ${commit.slice(0, 7)}: approved by ${who}`,
    ...(rejectedBy.length === 0 ? [] : [`rejected by ${rejectedBy.join(', ')}`]),
    ...(ignored.length === 0 ? [] : [`not counted: ${ignored.join(', ')}`]),
  ];
  return { approvals: counted, rejectedBy, note: printable(parts.join('; ')).slice(0, 2000) };
}
