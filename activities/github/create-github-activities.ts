/** What a release reads from and writes to GitHub, one activity each. */
import type { Activities } from '../../workflows/activity-contract.js';
import { stoppable } from '../processes/stop.js';
import { setStatusOf } from './commit-status.js';
import type { GithubRepository } from './connect.js';
import { recordDeploymentAt } from './deployments.js';
import { createFindGithubApprovals, type GithubApprovalDependencies } from './find-approvals.js';
import { commentOn } from './summary-comment.js';

export type GithubActivities = Pick<
  Activities,
  'findGithubApprovals' | 'recordDeployment' | 'setCommitStatus' | 'commentOnPullRequest'
>;

type InRepository = { repositoryUrl: string };

export function createGithubActivities(deps: GithubApprovalDependencies): GithubActivities {
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
    findGithubApprovals: createFindGithubApprovals(deps),
    recordDeployment: within('recording the deployment', recordDeploymentAt),
    setCommitStatus: within('setting the commit status', setStatusOf),
    commentOnPullRequest: within('commenting on the pull request', commentOn),
  };
}
