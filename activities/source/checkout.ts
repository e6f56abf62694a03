/** A clean work tree of a commit in a throwaway folder, with its history beside it for tools that ask git. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withJobFolder } from '../job-user/job-folder.js';
import type { JobUser } from '../job-user/job-user.js';
import { plainEnvironment, runProcess, type ProcessResult } from '../processes/run-process.js';
import { checkCommitId } from './git-names.js';
import { readGit } from './run-git.js';
import type { Mirror } from './source.js';

const CHECKOUT_TIMEOUT_MS = 10 * 60_000;

export interface Checkout {
  /** The work tree. */
  folder: string;
  /** Whose it is, and who must run what runs in it; null = the worker's own user. */
  user: JobUser | null;
  /** HOME and TMPDIR of that user, as short-lived as the checkout; nothing for the worker's own. */
  env: Record<string, string>;
}

interface CheckoutInput {
  mirror: Mirror;
  commit: string;
  /** null = the worker's own. */
  user: JobUser | null;
  signal?: AbortSignal;
  /** Asked when `work` is done: does something still run in it, which removes it itself? Absent = no. */
  isInUse?: () => boolean;
}

/** Calls `work` with the checkout and removes it afterwards, whatever happened, unless it is in use. */
export async function withCheckout<T>(
  input: CheckoutInput,
  work: (checkout: Checkout) => Promise<T>,
): Promise<T> {
  const { user } = input;
  if (user !== null) {
    // with objects of its own: the mirror is not to be read, and hard links would hand its files over
    const fill = (folder: string): Promise<void> => checkOut(input, folder, '--no-hardlinks');
    return await withJobFolder(user, fill, ({ folder, env }) => work({ folder, user, env }), input.isInUse);
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-checkout-'));
  try {
    // shares the mirror's objects: nothing is copied but the files themselves
    await checkOut(input, folder, '--shared');
    return await work({ folder, user, env: {} });
  } finally {
    if (input.isInUse?.() !== true) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A team's shell text in the work tree, as the user whose that is. Throws when it was stopped. */
export async function runInCheckout(
  { folder, user, env: own }: Checkout,
  command: string,
  { env, timeoutMs, signal }: { env: Record<string, string>; timeoutMs: number; signal: AbortSignal },
): Promise<ProcessResult> {
  const ended = await runProcess({
    argv: ['sh', '-c', command],
    cwd: folder,
    env: { ...plainEnvironment(), ...own, ...env },
    user,
    timeoutMs,
    signal,
  });
  signal.throwIfAborted();
  return ended;
}

async function checkOut(
  { mirror, commit, signal }: CheckoutInput,
  folder: string,
  objects: '--shared' | '--no-hardlinks',
): Promise<void> {
  const id = checkCommitId(commit);
  const limits = { signal, timeoutMs: CHECKOUT_TIMEOUT_MS };
  await readGit({
    args: [
      'clone',
      '--quiet',
      objects,
      '--no-checkout',
      '--template=',
      '--end-of-options',
      mirror.folder,
      folder,
    ],
    ...limits,
  });
  await readGit({
    args: ['checkout', '--quiet', '--force', '--detach', id, '--'],
    cwd: folder,
    ...limits,
  });
}
