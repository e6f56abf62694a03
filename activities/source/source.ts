/**
 * Repositories as the worker sees them: one bare mirror per URL in the cache folder, fetched when somebody asks
 * for what is new. A crash in the middle of a fetch leaves a mirror that the next fetch completes.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { badInput } from '../failure.js';
import { OneAtATime } from '../one-at-a-time.js';
import { checkCommitId, checkRepositoryUrl, redactUrls } from './git-names.js';
import { gitFailed, readGit, runGit, type GitAnswer, type GitCall } from './run-git.js';

export interface Source {
  /** The repository as it was fetched last, or empty. Throws BadInput for an address that is none. */
  open(url: string): Promise<Mirror>;
  /**
   * The repository with everything its branches and tags have now. Throws BadInput when there is no such
   * repository or the worker may not read it; a retryable failure when it cannot be reached.
   */
  fetch(url: string, signal?: AbortSignal): Promise<Mirror>;
  /** The repository with this commit, fetching only when the mirror has not got it. Throws BadInput without it. */
  fetchCommit(url: string, commit: string, signal?: AbortSignal): Promise<Mirror>;
}

export interface Mirror {
  /** Path of the bare repository. */
  readonly folder: string;
  /** As people may see it: without credentials. */
  readonly name: string;
}

/** A ref lock this old belongs to a git that is dead. */
const STALE_LOCK_MS = 10 * 60_000;
const FETCH_TIMEOUT_MS = 10 * 60_000;

export function createSource(options: { cacheFolder: string }): Source {
  const mirrors = path.join(options.cacheFolder, 'git');
  /** By mirror; git's own locks hold between processes. */
  const fetches = new OneAtATime();

  async function open(url: string): Promise<Mirror> {
    checkRepositoryUrl(url);
    const folder = path.join(mirrors, `${createHash('sha256').update(url).digest('hex')}.git`);
    if (!existsSync(folder)) await createMirror(folder);
    return { folder, name: redactUrls(url) };
  }

  async function fetchRefs(
    mirror: Mirror,
    url: string,
    refspecs: string[],
    signal?: AbortSignal,
  ): Promise<void> {
    const call: GitCall = {
      repository: mirror.folder,
      args: [
        'fetch',
        '--quiet',
        '--prune',
        '--force',
        '--no-tags',
        '--no-write-fetch-head',
        '--end-of-options',
        url,
        ...refspecs,
      ],
      timeoutMs: FETCH_TIMEOUT_MS,
      signal,
    };
    let answer = await runGit(call);
    if (answer.stderr.includes('.lock') && (await removeStaleLocks(mirror.folder)))
      answer = await runGit(call);
    if (answer.exitCode !== 0) throw explainFetch(mirror, call, answer);
  }

  async function fetchAll(url: string, signal?: AbortSignal): Promise<Mirror> {
    const mirror = await open(url);
    await fetches.run(mirror.folder, () =>
      fetchRefs(mirror, url, ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'], signal),
    );
    return mirror;
  }

  return {
    open,
    fetch: fetchAll,

    async fetchCommit(url, commit, signal) {
      checkCommitId(commit);
      const mirror = await open(url);
      if (await hasCommit(mirror, commit)) return mirror;
      await fetchAll(url, signal);
      if (await hasCommit(mirror, commit)) return mirror;
      // a commit on no branch: servers may still hand it out by its id
      await fetches
        .run(mirror.folder, () => fetchRefs(mirror, url, [`+${commit}:refs/slipway/${commit}`], signal))
        .catch(() => undefined);
      if (await hasCommit(mirror, commit)) return mirror;
      throw badInput({
        what: `commit ${commit} does not exist`,
        where: mirror.name,
        why: null,
        wayOut: 'push it first, or check that this is the right repository',
      });
    },
  };
}

/** Made beside and renamed, so a mirror that is there is whole, whoever else makes it at the same time. */
async function createMirror(folder: string): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.`);
  await readGit({ args: ['init', '--quiet', '--bare', '--template=', unfinished], cwd: unfinished });
  try {
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

export async function hasCommit(mirror: Mirror, commit: string): Promise<boolean> {
  const answer = await runGit({
    repository: mirror.folder,
    args: ['cat-file', '-e', `${checkCommitId(commit)}^{commit}`],
  });
  return answer.exitCode === 0;
}

const NOT_READABLE =
  /repository .*not found|does not appear to be a git repository|does not exist|Authentication failed|Permission denied|could not read Username|access denied|HTTP 40[134]|returned error: 40[134]|Host key verification failed/i;

function explainFetch(mirror: Mirror, call: GitCall, answer: GitAnswer): Error {
  if (!NOT_READABLE.test(answer.stderr)) return gitFailed(call, answer);
  return badInput({
    what: 'the worker cannot read the repository',
    where: mirror.name,
    why: answer.stderr,
    wayOut:
      'check its address, and give the worker a key or token that may read it (git ls-remote shows the same error there)',
  });
}

/** Says whether there was one. */
async function removeStaleLocks(folder: string): Promise<boolean> {
  let removed = false;
  const names = await readdir(folder, { recursive: true });
  for (const name of names.filter((each) => each.endsWith('.lock'))) {
    const file = path.join(folder, name);
    const found = await stat(file).catch(() => null);
    if (found === null || Date.now() - found.mtimeMs < STALE_LOCK_MS) continue;
    await rm(file, { force: true });
    removed = true;
  }
  return removed;
}
