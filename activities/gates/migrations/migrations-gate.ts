/**
 * `{migrations: expand-contract, path: migrations}`: while a release rolls out the old version still runs, so what is
 * new in this release may only add to the database.
 */
import { setImmediate } from 'node:timers/promises';
import { isCommitId } from '../../../pipeline/commit-id.js';
import type { GatePlan } from '../../../pipeline/plan.js';
import type { GateSubject } from '../../../workflows/activity-contract.js';
import { checkPathInRepository } from '../../source/git-names.js';
import { withObjects, type GitObjects } from '../../source/git-objects.js';
import { hasCommit } from '../../source/source.js';
import type { GateAnswer, GateDependencies } from '../gate-answer.js';
import { sayCompatible, sayProblems } from './answer-text.js';
import { compareMigrations, listMigrations, type Difference, type MigrationFile } from './migration-files.js';
import { NewObjects } from './new-objects.js';
import type { Problem } from './problem.js';
import { inOrder, readMigrations, WORD, wordsOf, type Migration } from './read-migrations.js';
import { withSqlParser } from './sql-parser.js';

export type MigrationsGate = Extract<GatePlan, { kind: 'migrations' }>;

export async function askMigrations(
  deps: GateDependencies,
  gate: MigrationsGate,
  subject: GateSubject,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const deadline = AbortSignal.timeout(gate.timeoutMs);
  try {
    return await judgeRelease(deps, gate, subject, AbortSignal.any([signal, deadline]));
  } catch (error) {
    signal.throwIfAborted();
    if (!deadline.aborted) throw error;
    return { verdict: 'fail', note: `the migrations were not read within ${gate.timeoutMs / 1000}s` };
  }
}

async function judgeRelease(
  deps: GateDependencies,
  gate: MigrationsGate,
  subject: GateSubject,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const { sha } = subject.commit;
  const folder = checkPathInRepository(gate.path);
  const mirror = await deps.source.fetchCommit(subject.repositoryUrl, sha, signal);
  const now = await listMigrations(mirror, sha, folder, signal);
  if (now === null) {
    const note = `there is no folder ${gate.path} at ${sha.slice(0, 12)}; commit it, or correct gates.${gate.name}.path`;
    return { verdict: 'fail', note };
  }
  const comparisons: Comparison[] = [];
  for (const commit of await findLive(deps, subject, (live) => hasCommit(mirror, live))) {
    const before = commit === null ? null : await listMigrations(mirror, commit, folder, signal);
    comparisons.push({ before, difference: compareMigrations(before, now) });
  }
  const problems = await withObjects(mirror, (objects) => judgeAll(objects, comparisons, signal));
  const added = [
    ...new Set(comparisons.flatMap(({ difference }) => difference.added.map(({ path }) => path))),
  ];
  const rewritten = comparisons.flatMap(({ difference }) => difference.rewritten);
  if (problems.length === 0 && rewritten.length === 0) return { verdict: 'pass', note: sayCompatible(added) };
  return { verdict: 'fail', note: sayProblems({ added, rewritten, problems }) };
}

/**
 * What the environments of the gate serve, each commit once; null stands for nothing, or for a commit the repository
 * has lost: everything is new to it. A gate that is asked for no environment is asked about everything.
 */
async function findLive(
  deps: GateDependencies,
  { pipeline, environments = [] }: GateSubject,
  isKnown: (commit: string) => Promise<boolean>,
): Promise<Set<string | null>> {
  const live = new Set<string | null>();
  for (const environment of environments) {
    const commit = await deps.liveCommit(pipeline, environment);
    live.add(commit !== null && isCommitId(commit) && (await isKnown(commit)) ? commit : null);
  }
  return live.size === 0 ? new Set([null]) : live;
}

interface Comparison {
  before: Map<string, MigrationFile> | null;
  difference: Difference;
}

async function judgeAll(
  objects: GitObjects,
  comparisons: readonly Comparison[],
  signal: AbortSignal,
): Promise<Problem[]> {
  const files = new Map(
    comparisons.flatMap(({ difference }) => difference.added.map((file) => [file.path, file])),
  );
  if (files.size === 0) return [];
  const migrations = await withSqlParser(signal, (parser) =>
    readMigrations(objects, parser, [...files.values()]),
  );
  const problems = new Map<string, Problem>();
  for (const { before, difference } of comparisons) {
    if (difference.added.length === 0) continue;
    const words = await wordsOf(objects, [...(before?.values() ?? [])]);
    const added = difference.added.flatMap(({ path }) => migrations.get(path) ?? []);
    for (const problem of await judgeInOrder(added, words))
      problems.set(JSON.stringify([problem.file, problem.line, problem.what]), problem);
  }
  return [...problems.values()];
}

/** `words`: of the migrations that were applied before; null = not known. */
async function judgeInOrder(
  added: readonly Migration[],
  words: ReadonlySet<string> | null,
): Promise<Problem[]> {
  const isOld = (name: string): boolean =>
    words === null || (name.toLowerCase().match(WORD) ?? []).every((word) => words.has(word));
  const known = new NewObjects(isOld);
  const problems: Problem[] = [];
  for (const { path, steps } of inOrder(added)) {
    known.beginMigration();
    for (const { line, statement, conditional, judge } of steps) {
      known.beginStatement({ conditional });
      for (const finding of judge(known)) problems.push({ ...finding, file: path, line, statement });
    }
    // a large one takes half a second: the worker does something else in between
    await setImmediate();
  }
  return problems;
}
