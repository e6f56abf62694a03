/** The worker's files of signers and revoked keys: a signature is held against them only while nobody else writes them. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { findKeyFileProblem, type KeyFileAccess } from '../../pipeline/index.js';

export const keyFileAccess: KeyFileAccess = {
  stat,
  readFile,
  folderOf: path.dirname,
  userId: process.getuid?.() ?? 0,
};

/** The first that decides nothing until its owner has mended it; `null` among the files = the policy names none. */
export async function findBrokenKeyFile(
  files: (string | null)[],
): Promise<{ what: string; wayOut: string } | null> {
  for (const file of files) {
    const problem = file === null ? null : await findKeyFileProblem(file, keyFileAccess);
    if (problem !== null) return problem;
  }
  return null;
}
