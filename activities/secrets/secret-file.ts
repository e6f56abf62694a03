/** Files of the worker that hold secrets: where they are, and their content. */
import { open as openFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { SecretReference } from '../../pipeline/secret-references.js';
import { openToOthers } from '../../pipeline/who-may-write.js';
import { noSecret } from './secret-failure.js';

const LARGEST_BYTES = 1024 * 1024;

/** The value of `reference`; `place` is what stands behind its scheme. */
export type ReadSecret = (reference: SecretReference, place: string) => Promise<string>;

/** `FILE#KEY` in its two parts; null = the whole file. */
export function splitPlace(place: string): { file: string; key: string | null } {
  const at = place.indexOf('#');
  return at === -1 ? { file: place, key: null } : { file: place.slice(0, at), key: place.slice(at + 1) };
}

/** Absolute path of `file`; a relative one is inside the folder SLIPWAY_SECRETS. Refused when it leaves that folder. */
export function locateFile(reference: SecretReference, file: string, environment: NodeJS.ProcessEnv): string {
  if (path.isAbsolute(file)) return path.normalize(file);
  const folder = environment['SLIPWAY_SECRETS'] ?? '';
  if (!path.isAbsolute(folder)) {
    const wayOut = 'start the worker with SLIPWAY_SECRETS set to an absolute path, or write an absolute path';
    throw noSecret(reference, 'is relative, and the worker has no folder for it', wayOut);
  }
  const found = path.resolve(folder, file);
  if (found.startsWith(path.join(folder, '/'))) return found;
  throw noSecret(
    reference,
    'leaves the folder SLIPWAY_SECRETS',
    'write a path inside it, or an absolute one',
  );
}

/** Content of a regular file of at most 1 MB. `onlyOwner`: refused when anybody else may read or write it. */
export async function readSecretFile(
  reference: SecretReference,
  file: string,
  options: { shown: string; onlyOwner: boolean },
): Promise<Buffer> {
  const { shown } = options;
  const wayOut = `put it there, readable by the worker's user`;
  let handle: FileHandle | null = null;
  try {
    handle = await openFile(file, 'r');
    const { mode, size } = await handle.stat();
    const isFile = (mode & 0o170000) === 0o100000;
    if (!isFile || size > LARGEST_BYTES) {
      throw noSecret(reference, `cannot be read: ${shown} is no file of at most 1 MB`, wayOut);
    }
    const open = options.onlyOwner ? openToOthers(mode) : null;
    if (open !== null) {
      throw noSecret(
        reference,
        `is not read with an identity that others can use: ${shown} has mode ${open.padStart(4, '0')}`,
        `chmod 600 ${shown}, owned by the worker's user`,
      );
    }
    return await handle.readFile();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : null;
    if (code === null) throw error;
    throw noSecret(reference, `cannot be read: ${shown} (${code})`, wayOut);
  } finally {
    await handle?.close();
  }
}
