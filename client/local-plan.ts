/** The worker's compiler, run here: on the file of a commit (plan, release) or of the working tree (doctor). */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  askEntry,
  compilePlan,
  decodeText,
  explainFileErrors,
  findUnsupported,
  loadPipeline,
  type LoadedFile,
  PlanRefused,
  refuseEntry,
  requiredFiles,
  selectEnvironments,
} from '../pipeline/index.js';
import type { ReleasePlan, ReleaseRef } from '../pipeline/plan.js';
import { askCheckout, readObject } from './git.js';
import type { RepositoryPlace, ResolvedRef } from './repository.js';
import { badInput, type Explanation, type UserError } from './user-error.js';

export type Refusal = Pick<Explanation, 'what' | 'where' | 'wayOut'>;

/** Reads a file of the repository; null when it has none there. */
export type ReadText = (file: string) => Promise<Uint8Array | null>;

export interface CompileWish {
  resolved: ResolvedRef;
  place: RepositoryPlace;
  /** Environments by name; empty = what the ref selects. */
  to: string[];
  /** Paths changed since what is live, by environment; null = unknown, nothing is left out for it. */
  changedPaths: ReadonlyMap<string, string[]> | null;
}

/** Reads as the worker does: throws UserError (exit 2) for links, folders and files too large to be meant. */
export function readAtCommit(root: string, commit: string): ReadText {
  return async (file) => {
    // A path that leaves the repository is one git refuses to look for.
    const entry = await askEntry(askCheckout(root), commit, file.replace(/^(\.\/+)+/, '')).catch(() => null);
    if (entry === null) return null;
    const refused = refuseEntry(entry);
    if (refused !== null) throw badInput({ ...refused, where: `${file} at ${commit.slice(0, 7)}` });
    return readObject(root, entry.object);
  };
}

export function readInFolder(root: string): ReadText {
  return (file) => readFile(path.join(root, file)).catch(() => null);
}

/** Throws UserError (exit 2) with every mistake of the file, or when there is none. */
export async function loadFile(read: ReadText, file: string, where: string): Promise<LoadedFile> {
  const bytes = await read(file);
  if (bytes === null) {
    throw badInput({
      what: `there is no ${file}`,
      where,
      wayOut: 'write one with slipway init and commit it, or name it with --file',
      docs: 'docs/pipeline-file.md',
    });
  }
  const loaded = loadPipeline(bytes, file);
  if (loaded.ok) return loaded.file;
  throw badInput(
    {
      ...explainFileErrors(loaded.errors, file),
      wayOut: 'correct it and commit; slipway schema gives your editor the schema',
      docs: 'docs/pipeline-file.md',
    },
    { errors: loaded.errors },
  );
}

/** Throws UserError (exit 2) when ref, request or file do not fit together. */
export async function compile(file: LoadedFile, read: ReadText, wish: CompileWish): Promise<ReleasePlan> {
  const { resolved, place, to, changedPaths } = wish;
  const { commit, ref, version } = resolved;
  try {
    const { environments } = selectEnvironments(file.content, ref, to);
    return compilePlan({
      file,
      files: await readTexts(file, read, environments),
      repository: { url: place.url },
      commit,
      ref,
      version,
      to,
      changedPaths,
    });
  } catch (error) {
    throw error instanceof PlanRefused ? tellRefused(error) : error;
  }
}

/** What this version cannot carry out yet, with its place in the file. */
export function listRefusals(file: LoadedFile, environments: string[]): Refusal[] {
  return findUnsupported(file, environments).map((one) => ({
    what: `${one.path}: ${one.what} cannot be carried out yet`,
    where: `${one.file}:${String(one.line)}:${String(one.column)}`,
    wayOut: one.wayOut,
  }));
}

/** A ref that every one of these environments' `from` accepts: for looking at hosts, where the ref does not matter. */
export function refFor(file: LoadedFile, environment: string): ReleaseRef | null {
  const [takes] = file.content.environments.get(environment)?.from ?? [];
  if (takes === undefined) return null;
  const pattern = takes.kind === 'branch' ? takes.branch : takes.tag;
  return { kind: takes.kind, name: pattern.replaceAll('*', '0') };
}

function tellRefused({ problems }: PlanRefused): UserError {
  const [first, ...more] = problems;
  const why = more.map(({ where, what, wayOut }) => `${where}: ${what}; ${wayOut}`).join('\n');
  const docs = first.docs ?? 'docs/commands.md#release';
  return badInput({ ...first, why: why === '' ? null : why, docs }, { problems });
}

async function readTexts(
  file: LoadedFile,
  read: ReadText,
  environments: string[],
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const name of requiredFiles(file, environments)) {
    const bytes = await read(name);
    if (bytes === null) continue;
    const text = decodeText(bytes);
    if (text === null)
      throw badInput({
        what: 'the file is not valid UTF-8',
        where: name,
        wayOut: 'save it as UTF-8 and commit it again',
      });
    texts.set(name, text);
  }
  return texts;
}
