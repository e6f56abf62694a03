/** Everything about a release that can be refused without Temporal is refused here. */
import type { ReleasePlan } from '../pipeline/plan.js';
import type { LoadedFile } from '../pipeline/index.js';
import type { Invocation } from './command.js';
import { onItsBranch } from './branch-of-commit.js';
import { compile, listRefusals, loadFile, readAtCommit, type Refusal } from './local-plan.js';
import type { ReleaseWish } from './release-client.js';
import { gatherLocally, type LocalFacts } from './plan-facts.js';
import { findRepository, resolveRef, type RepositoryPlace, type ResolvedRef } from './repository.js';
import { badInput, refused } from './user-error.js';

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
export async function compileLocally(invocation: Invocation): Promise<Compiled> {
  const { terminal, global, args } = invocation;
  const to = readEnvironments(invocation);
  const place = await findRepository(terminal.cwd, global.repository);
  const named = await resolveRef(place.root, args[0] ?? null, terminal.env, invocation.value('commit'));
  const read = readAtCommit(place.root, named.commit.sha);
  const where = `commit ${named.commit.sha.slice(0, 7)} (${named.ref.kind} ${named.ref.name})`;
  const file = await loadFile(read, global.file, where);
  if (global.pipeline !== null && global.pipeline !== file.content.pipeline) {
    throw badInput({
      what: `the file is of pipeline ${file.content.pipeline}, not ${global.pipeline}`,
      where: global.file,
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

/** The request to send. Throws UserError: exit 2 for mistakes, 5 for what this version cannot carry out. */
export async function prepareRelease(
  invocation: Invocation,
): Promise<{ plan: ReleasePlan; wish: ReleaseWish }> {
  const { plan, resolved, place, refusals } = await compileLocally(invocation);
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
    to: readEnvironments(invocation),
    environments: plan.environments.map(({ name }) => name),
    reason: invocation.global.reason,
  };
  return { plan, wish };
}

/** `--to stage prod`, `--to stage,prod` and `--to stage --to prod` are the same. */
export function readEnvironments(invocation: Invocation): string[] {
  const names = invocation.values('to').flatMap((value) => value.split(','));
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))];
}
