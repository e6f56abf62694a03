import type { Activities } from '../../workflows/activity-contract.js';
import { checkCommitId } from '../source/git-names.js';
import type { GithubRepository } from './connect.js';
import { shorten } from './shorten.js';

type Input = Parameters<Activities['setCommitStatus']>[0];

interface FoundStatus {
  context: string;
  state: string;
  description: string | null;
  target_url: string | null;
}

/** The newest of each name. */
export async function listStatuses(repository: GithubRepository, sha: string): Promise<FoundStatus[]> {
  return await repository.list(
    `read the statuses of ${sha.slice(0, 12)}`,
    (octokit, at) => octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/status', { ...at, ref: sha }),
    (page) => page.statuses,
  );
}

/**
 * `slipway/<environment>` on the commit. The same one is not written twice: GitHub takes a thousand per commit and
 * name, and then no more.
 */
export async function setStatusOf(
  repository: GithubRepository,
  input: Input,
): Promise<Awaited<ReturnType<Activities['setCommitStatus']>>> {
  const sha = checkCommitId(input.commit);
  const context = `slipway/${input.environment}`;
  const { state, targetUrl } = input;
  const description = shorten(input.description);
  const statuses = await listStatuses(repository, sha);
  const present = statuses.find((status) => status.context === context);
  const isThere =
    present?.state === state &&
    present.description === description &&
    (present.target_url ?? '') === (targetUrl ?? '');
  if (!isThere) {
    await repository.ask(`set the status ${context} of ${sha.slice(0, 12)}`, (octokit, at) =>
      octokit.request('POST /repos/{owner}/{repo}/statuses/{sha}', {
        ...at,
        sha,
        context,
        state,
        description,
        ...(targetUrl === null ? {} : { target_url: targetUrl }),
      }),
    );
  }
  return { context, written: !isThere };
}
