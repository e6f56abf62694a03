/** Everything about a release that can be refused without Temporal is refused here. */
import path from 'node:path';
import type { ReleasePlan } from '../pipeline/plan.js';
import type { LoadedFile } from '../pipeline/index.js';
import type { Invocation } from './command.js';
import { onItsBranch } from './branch-of-commit.js';
import { compile, listRefusals, loadFile, readAtCommit, type Refusal } from './local-plan.js';
import type { ReleaseWish } from './release-client.js';
import { gatherLocally, type LocalFacts } from './plan-facts.js';
import { findRepository, resolveRef, type RepositoryPlace, type ResolvedRef } from './repository.js';
import { badInput, refused } from './user-error.js';

/** What is to be released. What is left out is as the command has it without flags. */
export interface ReleaseOptions {
  /** Any folder of the checkout. Default: this one. */
  cwd?: string;
  /** For GITHUB_REF and GITHUB_SHA. Default: those of this process. */
  env?: Record<string, string | undefined>;
  /** Tag, branch or commit. Default: GITHUB_REF, else what is checked out. */
  ref?: string | null;
  /** One that the branch contains, instead of its head. */
  commit?: string | null;
  /** Environments by name. Default: those that take the ref and start by themselves. */
  to?: string[];
  /** The pipeline file in the repository. Default: slipway.yaml. */
  file?: string;
  /** What the worker fetches. Default: origin, else the checkout itself. */
  repository?: string | null;
  /** Refuse a file of another pipeline. */
  pipeline?: string | null;
  reason?: string | null;
}

export interface Compiled {
  file: LoadedFile;
  plan: ReleasePlan;
  resolved: ResolvedRef;
  place: RepositoryPlace;
  /** What this version cannot carry out yet. */
  refusals: Refusal[];
  /** The same with what the environments serve: the plan the worker would compile. */
  knowing(live: ReadonlyMap<string, string>): Promise<PlanKnowing>;
}

export interface PlanKnowing extends Omit<LocalFacts, 'facts'> {
  plan: ReleasePlan;
}

/** Resolves ref and file as the flags say and compiles them. Throws UserError (exit 2). */
export async function compileLocally(options: ReleaseOptions): Promise<Compiled> {
  const { cwd = '.', env = process.env, to = [], file: name = 'slipway.yaml', pipeline = null } = options;
  const place = await findRepository(path.resolve(cwd), options.repository ?? null);
  const named = await resolveRef(place.root, options.ref ?? null, env, options.commit ?? null);
  const read = readAtCommit(place.root, named.commit.sha);
  const where = `commit ${named.commit.sha.slice(0, 7)} (${named.ref.kind} ${named.ref.name})`;
  const file = await loadFile(read, name, where);
  if (pipeline !== null && pipeline !== file.content.pipeline) {
    throw badInput({
      what: `the file is of pipeline ${file.content.pipeline}, not ${pipeline}`,
      where: name,
      wayOut: 'leave --pipeline out, or name the other file with --file',
    });
  }
  const resolved = await onItsBranch(place.root, named, file.content.environments, to);
  const plan = await compile(file, read, { resolved, place, to, changedPaths: null });
  const refusals = listRefusals(
    file,
    plan.environments.map(({ name }) => name),
  );
  const knowing = async (live: ReadonlyMap<string, string>): Promise<PlanKnowing> => {
    const { facts, ...more } = await gatherLocally(place, resolved, live);
    const { commit, changedPaths } = facts;
    const wish = { resolved: { ...resolved, commit }, place, to, changedPaths };
    return { ...more, plan: await compile(file, read, wish) };
  };
  return { file, plan, resolved, place, refusals, knowing };
}

/**
 * The request to send, and the plan it makes; without environments there is nothing to release. Throws UserError: exit 2
 * for mistakes, 5 for what this version cannot carry out.
 */
export async function prepareRelease(
  options: ReleaseOptions = {},
): Promise<{ plan: ReleasePlan; wish: ReleaseWish }> {
  const { plan, resolved, place, refusals } = await compileLocally(options);
  const [first, ...more] = refusals;
  if (first !== undefined) {
    const why = more.map((one) => `${one.where}: ${one.what}; ${one.wayOut}`).join('\n');
    throw refused(
      { ...first, why: why === '' ? null : why, docs: 'docs/pipeline-file.md#not-yet' },
      { refused: refusals },
    );
  }
  const wish: ReleaseWish = {
    repositoryUrl: place.url,
    file: plan.file,
    ref: resolved.ref,
    commit: resolved.commit.sha,
    version: plan.version,
    to: options.to ?? [],
    environments: plan.environments.map(({ name }) => name),
    reason: options.reason ?? null,
  };
  return { plan, wish };
}

/** As the flags of `plan` and `release` say. */
export function releaseOptionsOf(invocation: Invocation): ReleaseOptions {
  const { terminal, global, args } = invocation;
  return {
    cwd: terminal.cwd,
    env: terminal.env,
    ref: args[0] ?? null,
    commit: invocation.value('commit'),
    to: readEnvironments(invocation),
    file: global.file,
    repository: global.repository,
    pipeline: global.pipeline,
    reason: global.reason,
  };
}

/** `--to stage prod`, `--to stage,prod` and `--to stage --to prod` are the same. */
function readEnvironments(invocation: Invocation): string[] {
  const names = invocation.values('to').flatMap((value) => value.split(','));
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))];
}
