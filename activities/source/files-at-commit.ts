/** Files as they are at a commit, read from the mirror without a work tree. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { decodeText, LARGEST_FILE_BYTES, refuseEntry, type TreeEntry } from '../../pipeline/index.js';
import { badInput } from '../failure.js';
import { checkCommitId, checkPathInRepository } from './git-names.js';
import { withObjects, type GitObjects } from './git-objects.js';
import { hashFile } from './hash-file.js';
import { gitFailed, runGit } from './run-git.js';
import type { Mirror } from './source.js';

/** Text of a file at the commit, as `readBytesAtCommit`. Throws BadInput also for text that is not UTF-8. */
export async function readFileAtCommit(
  objects: GitObjects,
  commit: string,
  file: string,
): Promise<string | null> {
  const bytes = await readBytesAtCommit(objects, commit, file);
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
  objects: GitObjects,
  commit: string,
  file: string,
): Promise<Buffer | null> {
  const found = await findEntry(objects, commit, file);
  if (found === null) return null;
  const read = found.type === 'blob' ? await objects.read(found.object, LARGEST_FILE_BYTES) : null;
  const refused = refuseEntry({ ...found, bytes: read?.bytes ?? 0 });
  if (refused !== null) throw badInput({ ...refused, where: `${file} at ${commit.slice(0, 12)}`, why: null });
  if (read?.content == null) throw new Error(`${file} at ${commit}: the repository has lost its content`);
  return read.content;
}

type FoundEntry = Omit<TreeEntry, 'bytes'>;

async function findEntry(objects: GitObjects, commit: string, file: string): Promise<FoundEntry | null> {
  const inside = checkPathInRepository(file);
  const { dir, base } = path.posix.parse(inside);
  const folder = await objects.read(`${checkCommitId(commit)}${dir === '' ? '^{tree}' : `:${dir}`}`);
  if (folder?.type !== 'tree' || folder.content === null) return null;
  return entriesOf(folder.content, folder.id.length / 2).get(base) ?? null;
}

/** A tree as git keeps it: `<mode> <name>\0<id in binary>`, one after the other. */
function entriesOf(tree: Buffer, idBytes: number): Map<string, FoundEntry> {
  const entries = new Map<string, FoundEntry>();
  for (let at = 0; at < tree.length;) {
    const space = tree.indexOf(0x20, at);
    const end = tree.indexOf(0, space);
    const mode = tree.toString('latin1', at, space).padStart(6, '0');
    const type = mode === '040000' ? 'tree' : mode === '160000' ? 'commit' : 'blob';
    const object = tree.toString('hex', end + 1, end + 1 + idBytes);
    entries.set(tree.toString('utf8', space + 1, end), { mode, type, object });
    at = end + 1 + idBytes;
  }
  return entries;
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
    const entry = await withObjects(mirror, (objects) => findEntry(objects, commit, folder));
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
    const digest = `sha256:${await hashFile(unfinished)}`;
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
