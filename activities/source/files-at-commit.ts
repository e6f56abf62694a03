/** Files as they are at a commit, read from the mirror without a work tree. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { askEntry, decodeText, refuseEntry, type TreeEntry } from '../../pipeline/index.js';
import { badInput } from '../failure.js';
import { checkCommitId, checkPathInRepository } from './git-names.js';
import { askMirror } from './history.js';
import { gitFailed, runGit } from './run-git.js';
import type { Mirror } from './source.js';

/** Text of a file at the commit, as `readBytesAtCommit`. Throws BadInput also for text that is not UTF-8. */
export async function readFileAtCommit(mirror: Mirror, commit: string, file: string): Promise<string | null> {
  const bytes = await readBytesAtCommit(mirror, commit, file);
  if (bytes === null) return null;
  const text = decodeText(bytes);
  if (text !== null) return text;
  throw badInput({
    what: 'the file is not valid UTF-8',
    where: `${file} at ${commit.slice(0, 12)}`,
    why: null,
    wayOut: 'save it as UTF-8 and commit it again',
  });
}

/** The file at the commit, or null when the commit has none. Throws BadInput for links, folders, files over 16 MB. */
export async function readBytesAtCommit(
  mirror: Mirror,
  commit: string,
  file: string,
): Promise<Buffer | null> {
  const entry = await findEntry(mirror, commit, file);
  if (entry === null) return null;
  const refused = refuseEntry(entry);
  if (refused !== null) throw badInput({ ...refused, where: `${file} at ${commit.slice(0, 12)}`, why: null });
  const call = { repository: mirror.folder, args: ['cat-file', 'blob', entry.object] };
  const answer = await runGit(call);
  if (answer.exitCode !== 0) throw gitFailed(call, answer);
  return answer.stdout;
}

async function findEntry(mirror: Mirror, commit: string, file: string): Promise<TreeEntry | null> {
  return await askEntry(askMirror(mirror), checkCommitId(commit), checkPathInRepository(file));
}

export interface Archive {
  /** sha256 of the archive: `sha256:…`. */
  digest: string;
  /** The kept tar file; its entries are named from the root of the repository. */
  file: string;
}

/**
 * `git archive` of a folder at the commit, kept under `<cacheFolder>/archives/<sha256>.tar`. The same commit and
 * folder always give the same digest. Throws BadInput when the commit has no such folder.
 */
export async function archiveFolder(input: {
  mirror: Mirror;
  commit: string;
  folder: string;
  cacheFolder: string;
  signal?: AbortSignal;
}): Promise<Archive> {
  const { mirror, commit } = input;
  const folder = checkPathInRepository(input.folder);
  if (folder !== '.') {
    const entry = await findEntry(mirror, commit, folder);
    if (entry?.type !== 'tree') {
      throw badInput({
        what: entry === null ? 'there is no such folder' : 'this is not a folder',
        where: `${folder} at ${commit.slice(0, 12)}`,
        why: null,
        wayOut: 'commit the folder, or name another under image.folder',
      });
    }
  }
  const archives = path.join(input.cacheFolder, 'archives');
  await mkdir(archives, { recursive: true });
  const unfinished = path.join(archives, `${randomUUID()}.part`);
  try {
    const args = ['archive', '--format=tar', `--output=${unfinished}`, commit];
    const call = {
      repository: mirror.folder,
      args: folder === '.' ? args : [...args, '--', folder],
      timeoutMs: 10 * 60_000,
      signal: input.signal,
    };
    const answer = await runGit(call);
    if (answer.exitCode !== 0) throw gitFailed(call, answer);
    const hash = createHash('sha256');
    await pipeline(createReadStream(unfinished), hash);
    const digest = `sha256:${hash.digest('hex')}`;
    const file = archivePath(input.cacheFolder, digest);
    await rename(unfinished, file);
    return { digest, file };
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Where the archive with this digest is kept, whether or not it is there. */
export function archivePath(cacheFolder: string, digest: string): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hex === undefined) throw new Error(`${digest} is not a sha256 digest`);
  return path.join(cacheFolder, 'archives', `${hex}.tar`);
}
