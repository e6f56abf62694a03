/** The file a command was to write: taken out of the checkout before the run, believed only when the run wrote it. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, realpath, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Checkout } from '../../source/checkout.js';
import { checkPathInRepository } from '../../source/git-names.js';
import { hashFile } from '../../source/hash-file.js';
import { UnreadableReport } from './report.js';

/** The largest reports of large projects are a third of this; it is held in memory. */
export const LARGEST_REPORT_BYTES = 32 * 1024 * 1024;

/** Clocks of file systems may be a little behind. */
const CLOCK_SLACK_MS = 2_000;

export interface ExpectedReport {
  checkout: string;
  /** uid of whoever runs the command; null = the worker's own. */
  ownerId: number | null;
  /** Path inside the checkout. */
  file: string;
  /** sha256 of the file the commit has under this name; null = none. */
  committedSha: string | null;
  clearedAtMs: number;
}

export interface CollectedReport {
  bytes: Buffer;
  sha256: string;
}

/** Removes what the commit has in its place, so that the run must write it. Throws UnreadableReport for a link to it. */
export async function expectReport(
  { folder, user }: Pick<Checkout, 'folder' | 'user'>,
  file: string,
): Promise<ExpectedReport> {
  const inside = checkPathInRepository(file);
  const expected: ExpectedReport = {
    checkout: folder,
    ownerId: user?.uid ?? null,
    file: inside,
    committedSha: null,
    clearedAtMs: Date.now(),
  };
  const place = await findPlace(folder, inside);
  const before = place === null ? null : await lstat(place).catch(() => null);
  if (place === null || before === null || before.isDirectory()) return expected;
  if (before.isFile()) expected.committedSha = await hashFile(place);
  await unlink(place);
  return expected;
}

/**
 * The report, read whole. Throws UnreadableReport when there is none, when it is not a plain file of this checkout or
 * empty or too large, and when it is older than the run.
 */
export async function collectReport(expected: ExpectedReport): Promise<CollectedReport> {
  const { checkout, ownerId, file, committedSha, clearedAtMs } = expected;
  const place = await findPlace(checkout, file);
  const handle = place === null ? null : await openReport(place);
  if (place === null || handle === null) {
    const own = committedSha === null ? '' : '; the one in the commit does not count, take it out of git';
    throw new UnreadableReport(`was not written${own}`);
  }
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new UnreadableReport('is not a plain file');
    // whatever stands in its place by now: we may read more than that user may
    if (ownerId !== null && found.uid !== ownerId)
      throw new UnreadableReport('does not belong to the user that the command ran as');
    if (found.size > LARGEST_REPORT_BYTES)
      throw new UnreadableReport(
        `has ${Math.ceil(found.size / 1e6)} MB; at most ${LARGEST_REPORT_BYTES / 1024 / 1024} MB are read`,
      );
    if (found.mtimeMs < clearedAtMs - CLOCK_SLACK_MS)
      throw new UnreadableReport(`is from ${found.mtime.toISOString()}, before this run`);
    const bytes = await readAll(handle, found.size);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 === committedSha)
      throw new UnreadableReport('is the one in the commit, not of this run; take it out of git');
    return { bytes, sha256 };
  } finally {
    await handle.close();
  }
}

/** Where the file is or will be; null = its folder is not there. Throws UnreadableReport when a link leads to it. */
async function findPlace(checkout: string, file: string): Promise<string | null> {
  const wanted = path.join(await realpath(checkout), file);
  const folder = await realpath(path.dirname(wanted)).catch(() => null);
  if (folder === null) return null;
  if (folder !== path.dirname(wanted))
    throw new UnreadableReport('is behind a link; write it to a plain folder');
  return wanted;
}

async function openReport(place: string): Promise<FileHandle | null> {
  try {
    // neither follows a link nor waits at a named pipe
    return await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw new UnreadableReport('is a link; write the report itself');
    throw new UnreadableReport(`cannot be opened (${String(code)})`);
  }
}

/** As many bytes as there were when the size was asked for, and not one more. */
async function readAll(handle: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  if (filled === 0) throw new UnreadableReport('is empty');
  return bytes.subarray(0, filled);
}
