/**
 * Request → plan. The worker reads the pipeline file at the commit itself, and believes no client about the ref:
 * the repository must say that the branch holds the commit or the tag points at it.
 */
import {
  compilePlan,
  explainFileErrors,
  findUnsupported,
  gatherGitFacts,
  loadPipeline,
  PlanRefused,
  requiredFiles,
  selectEnvironments,
  type LoadedFile,
} from '../../pipeline/index.js';
import type { ReleasePlan } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { badInput } from '../failure.js';
import { stoppable } from '../processes/stop.js';
import { readBytesAtCommit, readFileAtCommit } from './files-at-commit.js';
import { isCommitId } from './git-names.js';
import { askMirror, checkRefHolds } from './history.js';
import { hasCommit, type Mirror, type Source } from './source.js';

export interface ResolvePlanDependencies {
  source: Source;
  /** Full sha of what an environment serves now; null when nothing is live there. */
  liveCommit: (pipeline: string, environment: string) => Promise<string | null>;
}

export function createResolvePlan(deps: ResolvePlanDependencies): Activities['resolvePlan'] {
  return async (request) => await stoppable('planning', () => resolvePlan(deps, request));
}

/** Throws BadInput, with everything that is wrong, for a file, ref or request that cannot become a release. */
export async function resolvePlan(
  deps: ResolvePlanDependencies,
  request: ReleaseRequest,
): Promise<ReleasePlan> {
  const { ref, commit } = request;
  // goes on when this attempt is stopped: a first clone of a large repository is then there for the next one
  const mirror = await deps.source.fetch(request.repositoryUrl);
  await deps.source.fetchCommit(request.repositoryUrl, commit);
  // the ref is the first thing to be refused; the file is read meanwhile
  const reading = readPipelineFile(mirror, request);
  reading.catch(() => {});
  await checkRefHolds(mirror, ref, commit);
  const file = await reading;
  return await explained(async () => {
    const { environments } = selectEnvironments(file.content, ref, request.to);
    refuseUnsupported(file, environments);
    const [live, files] = await Promise.all([
      findLiveCommits(deps, mirror, file.content.pipeline, environments),
      readFiles(mirror, commit, requiredFiles(file, environments)),
    ]);
    const { commit: facts, changedPaths } = await gatherGitFacts(askMirror(mirror), commit, live);
    return compilePlan({
      file,
      files,
      repository: { url: request.repositoryUrl },
      commit: facts,
      ref,
      version: request.version === '' ? null : request.version,
      to: request.to,
      changedPaths,
    });
  });
}

async function readPipelineFile(mirror: Mirror, request: ReleaseRequest): Promise<LoadedFile> {
  const at = `${request.file} at ${request.commit.slice(0, 12)}`;
  const bytes = await readBytesAtCommit(mirror, request.commit, request.file);
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
  mirror: Mirror,
  commit: string,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const read = await Promise.all(
    paths.map(async (path) => [path, await readFileAtCommit(mirror, commit, path)] as const),
  );
  return new Map(read.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** What each environment serves, as far as the repository still has that commit. */
async function findLiveCommits(
  deps: ResolvePlanDependencies,
  mirror: Mirror,
  pipeline: string,
  environments: readonly string[],
): Promise<Map<string, string>> {
  const found = await Promise.all(
    environments.map(
      async (environment) => [environment, await deps.liveCommit(pipeline, environment)] as const,
    ),
  );
  const live = new Map<string, string>();
  for (const [environment, sha] of found) {
    if (sha !== null && isCommitId(sha) && (await hasCommit(mirror, sha))) live.set(environment, sha);
  }
  return live;
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
