/** A clean work tree of a commit in a throwaway folder, with its history beside it for tools that ask git. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkCommitId } from './git-names.js';
import { readGit } from './run-git.js';
import type { Mirror } from './source.js';

const CHECKOUT_TIMEOUT_MS = 10 * 60_000;

/** Calls `work` with the checkout's folder and removes it afterwards, whatever happened. */
export async function withCheckout<T>(
  input: { mirror: Mirror; commit: string; signal?: AbortSignal },
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const { mirror, signal } = input;
  const commit = checkCommitId(input.commit);
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-checkout-'));
  try {
    const limits = { signal, timeoutMs: CHECKOUT_TIMEOUT_MS };
    // shares the mirror's objects: nothing is copied but the files themselves
    await readGit({
      args: [
        'clone',
        '--quiet',
        '--shared',
        '--no-checkout',
        '--template=',
        '--end-of-options',
        mirror.folder,
        folder,
      ],
      ...limits,
    });
    await readGit({
      args: ['checkout', '--quiet', '--force', '--detach', commit, '--'],
      cwd: folder,
      ...limits,
    });
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
