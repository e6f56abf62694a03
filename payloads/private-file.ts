/** Files with secrets: only their owner may read them. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

const MAX_BYTES = 64 * 1024;

/** Opened once: what is looked at is what is read. Throws `Error` with `what`, the file and the way out. */
export function readPrivateFile(what: string, file: string): string {
  const descriptor = open(what, file);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > MAX_BYTES) {
      throw new Error(`${what} ${file}: not a file of at most 64 KB; name another`);
    }
    if ((stats.mode & 0o077) !== 0) {
      const octal = (stats.mode & 0o777).toString(8);
      throw new Error(`${what} ${file}: others may read it (mode ${octal}); run: chmod 600 ${file}`);
    }
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function open(what: string, file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new Error(`${what} ${file}: cannot be read (${why}); correct the path`, { cause: error });
  }
}
