/** What a release reads from and writes to GitHub, one activity each. */
import type { Activities } from '../../workflows/activity-contract.js';
import { stoppable } from '../processes/stop.js';
import type { Source } from '../source/source.js';
import { createBranchHistory } from './branch-history.js';
import { setStatusOf } from './commit-status.js';
import type { Github, GithubRepository } from './connect.js';
import { recordDeploymentAt } from './deployments.js';
import { readEnvironmentReviews } from './environment-approvals.js';
import { readReviews } from './read-reviews.js';
import { commentOn } from './summary-comment.js';

export type GithubActivities = Pick<
  Activities,
  | 'readGithubReviews'
  | 'readEnvironmentApprovals'
  | 'recordDeployment'
  | 'setCommitStatus'
  | 'commentOnPullRequest'
>;

type InRepository = { repositoryUrl: string };

export function createGithubActivities(deps: { github: Github; source: Source }): GithubActivities {
  /** Opens the repository of the input, heartbeats, and ends when the activity does. */
  const within =
    <Input, Output>(
      what: string,
      work: (
        repository: GithubRepository,
        input: Input & InRepository,
        signal: AbortSignal,
      ) => Promise<Output>,
    ) =>
    (input: Input & InRepository): Promise<Output> =>
      stoppable(
        what,
        async (signal) => await work(await deps.github.open(input.repositoryUrl, signal), input, signal),
      );

  return {
    readGithubReviews: within('reading reviews', (repository, input, signal) =>
      readReviews(repository, createBranchHistory(deps.source, input.repositoryUrl, signal), input),
    ),
    readEnvironmentApprovals: within('reading environment reviews', readEnvironmentReviews),
    recordDeployment: within('recording the deployment', recordDeploymentAt),
    setCommitStatus: within('setting the commit status', setStatusOf),
    commentOnPullRequest: within('commenting on the pull request', commentOn),
  };
}
