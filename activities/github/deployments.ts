/** Deployments on GitHub: one per request, found again by a mark in its payload. */
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
/** Said once its change runs. */
const BEGUN = ['in_progress', 'success'];

const marked = z.object({ slipway: z.object({ pipeline: z.string(), requestId: z.string() }) });

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

/** As GitHub has it; its ids grow, so they say what was said first. */
interface Said extends Status {
  id: number;
}

/**
 * Finds or creates the deployment and gives it the state; being there already is success. With `success` whatever
 * served before becomes inactive: GitHub never does that for production, nor for a deployment that is older.
 */
export async function recordDeploymentAt(repository: GithubRepository, input: Input): Promise<Recorded> {
  const sha = checkCommitId(input.commit);
  const found = await findOwn(repository, input, sha);
  const deploymentId = found ?? (await create(repository, input, sha));
  const own = found === null ? [] : await readStatuses(repository, deploymentId);
  const before =
    input.state === 'success' ? await findReplaced(repository, input, { deploymentId, own }) : NOTHING;
  const status: Status<Input['state']> = {
    state: before.isOvertaken ? 'inactive' : input.state,
    description: shorten(input.description),
    log_url: input.logUrl ?? '',
    environment_url: input.environmentUrl ?? '',
  };
  if (!isSame(own[0], status)) await addStatus(repository, deploymentId, status);
  for (const id of before.replaced) await addStatus(repository, id, replacedBy(input.version));
  return { deploymentId, adopted: found !== null, inactivated: before.replaced };
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
  const { environment, pipeline, requestId } = input;
  const all = await listDeployments(repository, { environment, sha });
  // The oldest, so that two attempts at the same moment agree afterwards.
  const own = all.filter(({ mark }) => mark?.requestId === requestId && mark.pipeline === pipeline);
  return own.length === 0 ? null : Math.min(...own.map(({ id }) => id));
}

async function create(repository: GithubRepository, input: Input, sha: string): Promise<number> {
  const { environment, production, pipeline, planHash, version, requestId } = input;
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
      payload: { slipway: { pipeline, planHash, version, requestId } },
    });
    // 202 comes of auto_merge only, and it is off
    if (made.status !== 201) throw new Error('GitHub merged instead of creating a deployment');
    return { data: Number(made.data.id) };
  });
}

/** The newest first. */
async function readStatuses(repository: GithubRepository, id: number, most?: number): Promise<Said[]> {
  const found = await repository.list(
    `read the states of deployment ${id}`,
    (octokit, at) =>
      octokit.request('GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
        ...at,
        deployment_id: id,
        ...(most === undefined ? {} : { per_page: most }),
      }),
    (page) => page,
    most,
  );
  return found.map(({ id: said, state, description, log_url, environment_url }) => ({
    id: Number(said),
    state,
    description,
    log_url: log_url ?? '',
    environment_url: environment_url ?? '',
  }));
}

function isSame(said: Said | undefined, { state, description, log_url, environment_url }: Status): boolean {
  return (
    said?.state === state &&
    said.description === description &&
    said.log_url === log_url &&
    said.environment_url === environment_url
  );
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

interface Before {
  /** Another that went in after this one serves already. */
  isOvertaken: boolean;
  replaced: number[];
}

const NOTHING: Before = { isOvertaken: false, replaced: [] };

/**
 * What is not over although this one has the place now: it served until now, or its worker never came to say how it
 * ended. What still waits to go in is left alone. Only one serves at a time, so the first that does is the last looked at.
 */
async function findReplaced(
  repository: GithubRepository,
  { environment, pipeline }: Input,
  { deploymentId, own }: { deploymentId: number; own: Said[] },
): Promise<Before> {
  const begunAs = own.findLast(({ state }) => BEGUN.includes(state))?.id ?? null;
  const all = await listDeployments(repository, { environment }, MOST_EARLIER);
  const replaced: number[] = [];
  for (const other of all) {
    if (other.id === deploymentId || other.mark?.pipeline !== pipeline) continue;
    const [last] = await readStatuses(repository, other.id, 1);
    if (last === undefined || !BEGUN.includes(last.state)) continue;
    const serves = last.state === 'success';
    if (begunAs === null ? serves : last.id < begunAs) replaced.push(other.id);
    else if (serves) return { isOvertaken: true, replaced };
    if (serves) break;
  }
  return { isOvertaken: false, replaced };
}

function replacedBy(version: string): Status<Input['state']> {
  const description = shorten(`replaced by ${version}`);
  return { state: 'inactive', description, log_url: '', environment_url: '' };
}
