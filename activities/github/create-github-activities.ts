/** What a release reads from and writes to GitHub, one activity each. */
import type { Activities } from '../../workflows/activity-contract.js';
import { stoppable } from '../processes/stop.js';
import { setStatusOf } from './commit-status.js';
import type { GithubRepository } from './connect.js';
import { recordDeploymentAt } from './deployments.js';
import { createFindGithubApprovals, type GithubApprovalDependencies } from './find-approvals.js';
import { createLinks } from './links.js';
import { commentOn } from './summary-comment.js';

export type GithubActivities = Pick<
  Activities,
  'findGithubApprovals' | 'recordDeployment' | 'setCommitStatus' | 'commentOnPullRequest'
>;

type InRepository = { repositoryUrl: string };

export interface GithubActivityDependencies extends GithubApprovalDependencies {
  /** Where people open the Temporal UI; null = this worker does not know. */
  uiUrl: string | null;
}

export function createGithubActivities(deps: GithubActivityDependencies): GithubActivities {
  const { linkFor, linksIn } = createLinks(deps.uiUrl);
  /** Opens the repository of the input, heartbeats, and ends when the activity does. */
  const within =
    <Input, Output>(
      what: string,
      work: (repository: GithubRepository, input: Input & InRepository) => Promise<Output>,
    ) =>
    (input: Input & InRepository): Promise<Output> =>
      stoppable(
        what,
        async (signal) => await work(await deps.github.open(input.repositoryUrl, signal), input),
      );

  return {
    findGithubApprovals: createFindGithubApprovals(deps),
    recordDeployment: within('recording the deployment', (repository, input) =>
      recordDeploymentAt(repository, { ...input, logUrl: linkFor(input.logUrl) }),
    ),
    setCommitStatus: within('setting the commit status', (repository, input) =>
      setStatusOf(repository, { ...input, targetUrl: linkFor(input.targetUrl) }),
    ),
    commentOnPullRequest: within('commenting on the pull request', (repository, input) =>
      commentOn(repository, { ...input, markdown: linksIn(input.markdown) }),
    ),
  };
}
