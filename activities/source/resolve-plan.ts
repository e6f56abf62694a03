/**
 * Request → plan. The worker reads the pipeline file at the commit itself, and believes no client about the ref:
 * the repository must say that the branch holds the commit or the tag points at it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import {
  applyPolicy,
  compilePlan,
  explainFileErrors,
  findUnsupported,
  gatherGitFacts,
  loadPipeline,
  PlanRefused,
  requiredFiles,
  selectEnvironments,
  type LoadedFile,
  type Policy,
} from '../../pipeline/index.js';
import type { ReleasePlan } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import type { FindLive, LiveRelease } from '../environment/live-release.js';
import { badInput } from '../failure.js';
import { stoppable } from '../processes/stop.js';
import type { PolicyStore } from '../trust/policy-store.js';
import { readBytesAtCommit, readFileAtCommit } from './files-at-commit.js';
import { withObjects, type GitObjects } from './git-objects.js';
import { redactUrls } from './git-names.js';
import { askMirror, checkRefHolds, readRef } from './history.js';
import { nameAuthors } from './name-authors.js';
import { sinceReviewed } from './since-reviewed.js';
import type { Source } from './source.js';

export interface ResolvePlanDependencies {
  source: Source;
  /** What the owner of the worker allows. */
  policy: PolicyStore;
  /** What is left out, whose reviews are missing and who wrote what all begin with what is live. */
  findLive: FindLive;
}

export function createResolvePlan(deps: ResolvePlanDependencies): Activities['resolvePlan'] {
  return async (request) => await stoppable('planning', () => resolvePlan(deps, request));
}

/** Throws BadInput, with everything that is wrong, for a file, ref or request that cannot become a release. */
export async function resolvePlan(
  deps: ResolvePlanDependencies,
  request: ReleaseRequest,
): Promise<ReleasePlan> {
  const policy = (await deps.policy.read())?.content ?? null;
  requireRepository(policy, request);
  const mirror = await deps.source.open(request.repositoryUrl);
  // goes on when this attempt is stopped: a first clone of a large repository is then there for the next one
  const fetching = deps.source.fetch(request.repositoryUrl);
  fetching.catch(() => {});
  // to start a program blocks a worker: the reader is started once the fetch runs, and finds what that brings
  await turn();
  return await withObjects(mirror, async (objects) => {
    await fetching;
    return await planOf(deps, request, objects, policy);
  });
}

async function planOf(
  deps: ResolvePlanDependencies,
  request: ReleaseRequest,
  objects: GitObjects,
  policy: Policy | null,
): Promise<ReleasePlan> {
  const { ref, commit } = request;
  // a ref that points at the commit says both that it is there and that it belongs
  if ((await readRef(objects, ref)) !== commit) {
    await deps.source.fetchCommit(request.repositoryUrl, commit);
    await checkRefHolds(objects, ref, commit);
  }
  const file = await readPipelineFile(objects, request);
  requireVersion(request);
  const unasked = request.trigger === 'push';
  return await explained(async () => {
    const { environments } = selectEnvironments(file.content, ref, request.to, unasked);
    refuseUnsupported(file, environments);
    const [live, files] = await Promise.all([
      findLive(deps, file.content.pipeline, environments),
      readFiles(objects, commit, requiredFiles(file, environments)),
    ]);
    const ask = askMirror(objects.mirror);
    const { commit: facts, changedPaths } = await gatherGitFacts(ask, commit, commitsOf(live));
    const plan = compilePlan({
      file,
      files,
      repository: { url: request.repositoryUrl },
      commit: facts,
      ref,
      version: null,
      to: request.to,
      changedPaths,
      unasked,
    });
    const applied = applyPolicy(plan, policy, deps.policy);
    const named = await nameAuthors(applied, policy, objects.mirror, (name) => changedPaths.has(name));
    return sinceReviewed(named, policy, (environment) => {
      const found = live.get(environment);
      return found?.wasLetIn === true ? found.commit : null;
    });
  });
}

/** Nothing is fetched from where the policy does not say. */
function requireRepository(policy: Policy | null, { pipeline, repositoryUrl }: ReleaseRequest): void {
  if (policy === null) return;
  const known = policy.pipelines.get(pipeline);
  if (known?.repositories.includes(repositoryUrl) === true) return;
  throw badInput({
    what:
      known === undefined
        ? `the worker's policy has no pipeline ${pipeline}`
        : `the worker's policy does not allow the repository ${redactUrls(repositoryUrl)}`,
    where: `pipeline ${pipeline}`,
    why: null,
    wayOut: 'the owner of the worker adds it to policy.yaml (docs/policy.md)',
  });
}

/** Whoever approves v2.0.0 means its tag: a release has no other name than its ref gives it. */
function requireVersion({ ref, commit, version }: ReleaseRequest): void {
  const own = ref.kind === 'tag' ? ref.name : commit.slice(0, 7);
  if (version === '' || version === own) return;
  throw badInput({
    what: `a release of this ${ref.kind} is called ${own}, not ${JSON.stringify(version.slice(0, 100))}`,
    where: `${ref.kind} ${ref.name}`,
    why: null,
    wayOut: 'start the release again with slipway release',
  });
}

async function readPipelineFile(objects: GitObjects, request: ReleaseRequest): Promise<LoadedFile> {
  const at = `${request.file} at ${request.commit.slice(0, 12)}`;
  const bytes = await readBytesAtCommit(objects, request.commit, request.file);
  if (bytes === null) {
    throw badInput({
      what: 'there is no such file in this commit',
      where: at,
      why: null,
      wayOut: 'commit it (slipway init writes one), or name another with --file',
    });
  }
  const loaded = loadPipeline(bytes, request.file);
  if (!loaded.ok) {
    throw badInput({
      ...explainFileErrors(loaded.errors, at),
      wayOut: 'correct the file (slipway plan shows the same errors), commit, and release again',
    });
  }
  const { pipeline } = loaded.file.content;
  if (pipeline !== request.pipeline) {
    throw badInput({
      what: `this is pipeline ${pipeline}, the request is for ${request.pipeline}`,
      where: at,
      why: null,
      wayOut: 'start the release again from this commit, or correct pipeline: in the file',
    });
  }
  return loaded.file;
}

function refuseUnsupported(file: LoadedFile, environments: readonly string[]): void {
  const found = findUnsupported(file, environments);
  if (found.length === 0) return;
  throw badInput({
    what: `this version of Slipway cannot carry out: ${found.map((each) => `${each.what} (${each.path})`).join(', ')}`,
    where: found.map((each) => `${each.file}:${each.line}:${each.column}`).join(', '),
    why: null,
    wayOut: [...new Set(found.map((each) => each.wayOut))].join('; '),
  });
}

/** Those of the files that the commit has. */
async function readFiles(
  objects: GitObjects,
  commit: string,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const read = await Promise.all(
    paths.map(async (path) => [path, await readFileAtCommit(objects, commit, path)] as const),
  );
  return new Map(read.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** What each environment serves, by its name. */
async function findLive(
  deps: ResolvePlanDependencies,
  pipeline: string,
  environments: readonly string[],
): Promise<Map<string, LiveRelease>> {
  const found = await Promise.all(
    environments.map(async (name) => [name, await deps.findLive(pipeline, name)] as const),
  );
  return new Map(found.flatMap(([name, live]) => (live === null ? [] : [[name, live]])));
}

function commitsOf(live: Map<string, LiveRelease>): Map<string, string> {
  return new Map([...live].map(([name, { commit }]) => [name, commit]));
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PlanRefused)) throw error;
    const { problems } = error;
    throw badInput({
      what: problems.map((problem) => problem.what).join('; '),
      where: [...new Set(problems.map((problem) => problem.where))].join(', '),
      why: null,
      wayOut: [...new Set(problems.map((problem) => problem.wayOut))].join('; '),
    });
  }
}
