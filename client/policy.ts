/** Reads a worker's policy the way the worker does, for its owner. */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { rulesOf } from '../pipeline/approval-rules.js';
import { compileMay, describeMay } from '../pipeline/may-rules.js';
import {
  explainFileErrors,
  findWriters,
  judgeJobAccount,
  jobUsersIn,
  loadPolicy,
  type Policy,
} from '../pipeline/index.js';
import { badInput } from './user-error.js';

/** Throws UserError (exit 2) with every mistake in it, when others may write it, and for a user it cannot run jobs as. */
export async function readPolicy(file: string): Promise<Policy> {
  await requireOwned(file, false);
  await requireOwned(path.dirname(file), true);
  const loaded = loadPolicy(await readFile(file), file);
  if (loaded.ok) {
    for (const user of jobUsersIn(loaded.file.content)) await requireJobUser(user, file);
    return loaded.file.content;
  }
  throw badInput({
    ...explainFileErrors(loaded.errors, file),
    wayOut: 'correct the file; slipway schema --policy helps editors',
    docs: 'docs/policy.md',
  });
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
  const found = await stat(file).catch(() => null);
  if (found === null)
    throw badInput({
      what: 'there is no such file',
      where: file,
      wayOut: 'name another',
      docs: 'docs/policy.md',
    });
  const { mode, uid } = found;
  const problem = findWriters({ path: file, mode, uid, isFolder, userId: process.getuid?.() ?? 0 });
  if (problem !== null) throw badInput({ ...problem, where: file, docs: 'docs/policy.md' });
}

/** One line per environment: `shop prod: tag v*.*.*; 1 host; 1 approval of platform by ssh`. */
export function describePolicy(policy: Policy): string[] {
  return [...policy.pipelines].flatMap(([pipeline, { environments }]) =>
    [...environments].map(([name, rules]) => {
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
        ...describeMay(compileMay(rules)).map(({ rule }) => rule),
      ].join('; ');
    }),
  );
}
