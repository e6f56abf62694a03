/** A place for one job: its work, a home and temporary files, found by nobody who was not told and gone with the job. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { plainEnvironment, runProcess } from '../processes/run-process.js';
import type { JobUser } from './job-user.js';

export interface JobFolder {
  folder: string;
  /** HOME and TMPDIR. */
  env: Record<string, string>;
}

const REMOVE_TIMEOUT_MS = 5 * 60_000;

/** `fill` puts the files there, as the worker; `work` finds them handed over to the user. All is removed afterwards, unless it is in use. */
export async function withJobFolder<T>(
  user: JobUser,
  fill: (folder: string) => Promise<void>,
  work: (place: JobFolder) => Promise<T>,
  isInUse: () => boolean = () => false,
): Promise<T> {
  const outer = await mkdtemp(path.join(tmpdir(), 'slipway-checkout-'));
  const inner = path.join(outer, randomUUID());
  const folder = path.join(inner, 'work');
  const home = path.join(inner, 'home');
  const tmp = path.join(inner, 'tmp');
  const own = [folder, home, tmp];
  try {
    await mkdir(inner);
    // may be passed but not listed: other jobs of this user do not find what they were not told
    for (const each of [outer, inner]) await chmod(each, 0o711);
    for (const each of own) await mkdir(each, { mode: 0o700 });
    await fill(folder);
    await promisify(execFile)('chown', ['-Rh', `${user.uid}:${user.gid}`, '--', ...own]);
    return await work({ folder, env: { HOME: home, TMPDIR: tmp } });
  } finally {
    if (!isInUse()) {
      await removeAs(user, own);
      for (const each of [...own, inner, outer]) await rmdir(each).catch(() => undefined);
    }
  }
}

/** As its user: a link that is put in the way leads nowhere that user could not go anyway. */
async function removeAs(user: JobUser, folders: string[]): Promise<void> {
  await runProcess({
    argv: ['sh', '-c', 'chmod -R u+rwX -- "$@"; rm -rf -- "$@"', 'sh', ...folders],
    cwd: '/',
    env: plainEnvironment(),
    user,
    timeoutMs: REMOVE_TIMEOUT_MS,
    signal: new AbortController().signal,
  });
}
