/** Reads a worker's policy the way the worker does, for its owner. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { rulesOf } from '../pipeline/approval-rules.js';
import { describeForceRule } from '../pipeline/force-rules.js';
import { compileMay, describeMay, findIdleMay } from '../pipeline/may-rules.js';
import {
  checkSigners,
  explainFileErrors,
  findWriters,
  judgeJobAccount,
  jobUsersIn,
  loadPolicy,
  type Policy,
  warnOfSharedUser,
} from '../pipeline/index.js';
import { POLICY_FILE } from '../pipeline/who-may-write.js';
import { badInput } from './user-error.js';

const DOCS = 'docs/policy.md';
const USER_ID = process.getuid?.() ?? 0;

export interface CheckedPolicy {
  content: Policy;
  /** What is valid and probably not meant. */
  warnings: string[];
}

/**
 * Throws UserError (exit 2) with every mistake in it, when others may write it or a file it names, and for a user it cannot
 * run jobs as.
 */
export async function readPolicy(file: string): Promise<CheckedPolicy> {
  await requireOwned(file, false);
  await requireOwned(path.dirname(file), true);
  const loaded = loadPolicy(
    await readFile(file).catch((error: unknown) => tellUnreadable(file, error)),
    file,
  );
  if (!loaded.ok)
    throw badInput({
      ...explainFileErrors(loaded.errors, file),
      wayOut: 'correct the file; slipway schema --policy helps editors',
      docs: DOCS,
    });
  const { content } = loaded.file;
  for (const user of jobUsersIn(content)) await requireJobUser(user, file);
  const { problem, unfillable, warnings } = await checkSigners(loaded.file, {
    ...{ stat, readFile, isRevoked, folderOf: path.dirname, userId: USER_ID },
    beside: (name) => path.resolve(path.dirname(file), name),
  });
  const [first, ...others] = problem === null ? unfillable : [problem];
  if (first !== undefined) {
    const more = others.map(({ where, what, wayOut }) => `${where}: ${what}; ${wayOut}`);
    const why = [...(first.why === null ? [] : [first.why]), ...more].join('\n\n');
    throw badInput({ ...first, why: why === '' ? null : why, docs: DOCS });
  }
  const shared = warnOfSharedUser(content);
  return {
    content,
    warnings: [...(shared === null ? [] : [shared]), ...warnings, ...findIdleMay(loaded.file)],
  };
}

/** As the worker asks: the binary list of revoked keys is OpenSSH's own. */
async function isRevoked(list: string, key: string | null): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-revoked-'));
  try {
    const file = path.join(folder, 'key');
    if (key !== null) await writeFile(file, `${key}\n`);
    const exit = await promisify(execFile)('ssh-keygen', [
      '-Q',
      '-f',
      list,
      ...(key === null ? [] : [file]),
    ]).then(
      () => 0,
      ({ code }: { code?: unknown }) => code,
    );
    if (exit !== 0 && exit !== 1) throw new Error(`ssh-keygen cannot read ${list}`);
    return exit === 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function requireJobUser(user: string, file: string): Promise<void> {
  const entry = await promisify(execFile)('getent', ['passwd', '--', user]).then(
    ({ stdout }) => stdout,
    () => null,
  );
  const judged = judgeJobAccount(user, entry, null);
  if ('what' in judged) throw badInput({ ...judged, where: file, docs: 'docs/policy.md#run-as' });
}

async function requireOwned(file: string, isFolder: boolean): Promise<void> {
  const { mode, uid } = await stat(file).catch((error: unknown) => tellUnreadable(file, error));
  const problem = findWriters({ path: file, mode, uid, isFolder, userId: USER_ID });
  if (problem !== null) throw badInput({ ...problem, where: file, docs: DOCS });
}

function tellUnreadable(file: string, error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  throw badInput({
    what: code === 'ENOENT' ? 'there is no such policy file' : `the policy cannot be read (${code})`,
    where: file,
    wayOut: `on the worker: slipway policy check PATH, with the path that it has in SLIPWAY_POLICY (else ${POLICY_FILE}); how to write one: ${DOCS}`,
    docs: DOCS,
  });
}

/**
 * One line per environment: `shop prod: tag v*.*.*; 1 host; 1 approval`, with what may be forced there; before them, what
 * may be forced before the build.
 */
export function describePolicy(policy: Policy): string[] {
  return [...policy.pipelines].flatMap(([pipeline, { environments, force }]) => [
    ...(force === undefined ? [] : [`${pipeline}: ${describeForceRule(force)}, before the build`]),
    ...[...environments].map(([name, rules]) => {
      const { production, from, hosts } = rules;
      const refs = (from ?? []).map((takes) =>
        takes.kind === 'branch' ? `branch ${takes.branch}` : `tag ${takes.tag}`,
      );
      const count = rulesOf(rules).reduce((sum, rule) => sum + rule.count, 0);
      return [
        `${pipeline} ${name}: ${refs.length === 0 ? 'any ref' : refs.join(', ')}`,
        `${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}`,
        `${count} ${count === 1 ? 'approval' : 'approvals'}`,
        ...(production === true ? ['production'] : []),
        ...(rules.force === undefined ? [] : [describeForceRule(rules.force)]),
        ...describeMay(compileMay(rules)).map(({ rule }) => rule),
      ].join('; ');
    }),
  ]);
}
