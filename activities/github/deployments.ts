/** Deployments on GitHub: one per commit, environment and plan, found again by a mark in its payload. */
import { z } from 'zod';
import type { Activities } from '../../workflows/activity-contract.js';
import { checkCommitId } from '../source/git-names.js';
import type { GithubRepository } from './connect.js';
import { shorten } from './shorten.js';

type Input = Parameters<Activities['recordDeployment']>[0];
type Recorded = Awaited<ReturnType<Activities['recordDeployment']>>;

const TASK = 'deploy';
/** Older ones than the newest thirty have long been inactive. */
const MOST_EARLIER = 30;
/** States that say the deployment serves nobody. */
const OVER = ['inactive', 'failure', 'error'];

const marked = z.object({ slipway: z.object({ pipeline: z.string(), planHash: z.string() }) });

interface Deployment {
  id: number;
  mark: z.infer<typeof marked>['slipway'] | null;
}

interface Status<State extends string = string> {
  state: State;
  description: string;
  log_url: string;
  environment_url: string;
}

/**
 * Finds or creates the deployment and gives it the state; being there already is success. With `success` earlier
 * deployments of the same pipeline to the environment become inactive: GitHub never does that for production.
 */
export async function recordDeploymentAt(repository: GithubRepository, input: Input): Promise<Recorded> {
  const sha = checkCommitId(input.commit);
  const found = await findOwn(repository, input, sha);
  const id = found ?? (await create(repository, input, sha));
  const status: Status<Input['state']> = {
    state: input.state,
    description: shorten(input.description),
    log_url: input.logUrl ?? '',
    environment_url: input.environmentUrl ?? '',
  };
  const present = found === null ? null : await latestStatus(repository, id);
  if (!isSame(present, status)) await addStatus(repository, id, status);
  const inactivated = input.state === 'success' ? await inactivateEarlier(repository, input, id) : [];
  return { deploymentId: id, adopted: found !== null, inactivated };
}

async function listDeployments(
  repository: GithubRepository,
  filter: { environment: string; sha?: string },
  most?: number,
): Promise<Deployment[]> {
  const found = await repository.list(
    `read the deployments to ${filter.environment}`,
    (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/deployments', { ...at, ...filter, task: TASK }),
    (page) => page,
    most,
  );
  return found.map((deployment) => ({
    id: Number(deployment.id),
    mark: readMark(deployment.payload),
  }));
}

/** An older API hands the payload out as text. */
function readMark(payload: unknown): Deployment['mark'] {
  try {
    const value: unknown = typeof payload === 'string' ? JSON.parse(payload) : payload;
    return marked.safeParse(value).data?.slipway ?? null;
  } catch {
    return null;
  }
}

async function findOwn(repository: GithubRepository, input: Input, sha: string): Promise<number | null> {
  const { environment, pipeline, planHash } = input;
  const all = await listDeployments(repository, { environment, sha });
  // The oldest, so that two attempts at the same moment agree afterwards.
  const own = all.filter(({ mark }) => mark?.planHash === planHash && mark.pipeline === pipeline);
  return own.length === 0 ? null : Math.min(...own.map(({ id }) => id));
}

async function create(repository: GithubRepository, input: Input, sha: string): Promise<number> {
  const { environment, production, pipeline, planHash, version } = input;
  return await repository.ask(`create a deployment to ${environment}`, async (octokit, at) => {
    const made = await octokit.request('POST /repos/{owner}/{repo}/deployments', {
      ...at,
      ref: sha,
      task: TASK,
      auto_merge: false,
      // the gates have decided already
      required_contexts: [],
      environment,
      production_environment: production,
      description: shorten(`${pipeline} ${version}`),
      payload: { slipway: { pipeline, planHash, version } },
    });
    // 202 comes of auto_merge only, and it is off
    if (made.status !== 201) throw new Error('GitHub merged instead of creating a deployment');
    return { data: Number(made.data.id) };
  });
}

async function latestStatus(repository: GithubRepository, id: number): Promise<Status | null> {
  const [latest] = await repository.ask(`read the state of deployment ${id}`, (octokit, at) =>
    octokit.request('GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
      ...at,
      deployment_id: id,
      per_page: 1,
    }),
  );
  if (latest === undefined) return null;
  const { state, description, log_url, environment_url } = latest;
  return { state, description, log_url: log_url ?? '', environment_url: environment_url ?? '' };
}

function isSame(present: Status | null, wanted: Status): boolean {
  return present !== null && JSON.stringify(present) === JSON.stringify(wanted);
}

async function addStatus(
  repository: GithubRepository,
  id: number,
  { state, description, log_url, environment_url }: Status<Input['state']>,
): Promise<void> {
  await repository.ask(`say ${state} of deployment ${id}`, (octokit, at) =>
    octokit.request('POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
      ...at,
      deployment_id: id,
      state,
      description,
      ...(log_url === '' ? {} : { log_url }),
      ...(environment_url === '' ? {} : { environment_url }),
      auto_inactive: false,
    }),
  );
}

/** What was started earlier and is not over: it served until now, or its worker never came to say how it ended. */
async function inactivateEarlier(repository: GithubRepository, input: Input, id: number): Promise<number[]> {
  const { environment, pipeline, version } = input;
  const all = await listDeployments(repository, { environment }, MOST_EARLIER);
  const inactivated: number[] = [];
  for (const earlier of all) {
    if (earlier.id >= id || earlier.mark?.pipeline !== pipeline) continue;
    const present = await latestStatus(repository, earlier.id);
    if (present !== null && OVER.includes(present.state)) continue;
    const description = shorten(`replaced by ${version}`);
    const inactive = { state: 'inactive', description, log_url: '', environment_url: '' } as const;
    await addStatus(repository, earlier.id, inactive);
    inactivated.push(earlier.id);
  }
  return inactivated;
}
