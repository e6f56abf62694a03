/** Files of a commit, judged in one way by the worker and by `slipway plan`. Pure: the caller runs git. */
import type { AskGit } from './git-facts.js';

export interface TreeEntry {
  mode: string;
  type: string;
  /** Id of its content: `git cat-file blob`. */
  object: string;
  bytes: number;
}

/** Nothing a plan reads is larger; a pipeline file has a limit of its own. */
export const LARGEST_FILE_BYTES = 16 * 1024 * 1024;

/** What the commit has at this path; null = nothing. */
export async function askEntry(ask: AskGit, commit: string, path: string): Promise<TreeEntry | null> {
  return readTreeLine(await ask(['ls-tree', '-z', '--long', '--full-tree', commit, '--', path]));
}

/** One line of `git ls-tree -z --long`; null = there is none. */
export function readTreeLine(line: string): (TreeEntry & { path: string }) | null {
  const found = /^(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t([^\0]+)/.exec(line);
  if (found === null) return null;
  const [, mode = '', type = '', object = '', size = '', path = ''] = found;
  return { mode, type, object, bytes: size === '-' ? 0 : Number(size), path };
}

/** Why a plan does not read it; null = it does. */
export function refuseEntry({ mode, type, bytes }: TreeEntry): { what: string; wayOut: string } | null {
  if (type !== 'blob') return { what: 'this is a folder, not a file', wayOut: 'name a file' };
  if (mode === '120000') return { what: 'this is a symbolic link', wayOut: 'commit the file itself' };
  if (bytes <= LARGEST_FILE_BYTES) return null;
  const what = `the file has ${bytes} bytes, at most ${LARGEST_FILE_BYTES} are read`;
  return { what, wayOut: 'commit a smaller one' };
}

/** Exactly the text that was committed; null when it is not UTF-8. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
