/** Where the migrations of a commit bring a database: Alembic's heads, or the newest of numbered SQL files. Nothing is run. */
import path from 'node:path';
import { decodeText } from '../../pipeline/index.js';
import { readRevision as readPythonRevision } from '../gates/migrations/alembic-code.js';
import { listMigrations, type MigrationFile } from '../gates/migrations/migration-files.js';
import { parsePython } from '../gates/migrations/python-source.js';
import { readFileAtCommit } from '../source/files-at-commit.js';
import { checkPathInRepository } from '../source/git-names.js';
import { withObjects, type GitObjects } from '../source/git-objects.js';
import type { Mirror } from '../source/source.js';

const LARGEST_MIGRATION_BYTES = 1024 * 1024;
const USUAL_FOLDER = 'migrations';

/** `heads` as Alembic names them, or the `newest` SQL file without its ending. */
export type Newest = { heads: string[] } | { newest: string };

/** Throws an Error that says what is missing; BadInput for a path outside of the repository. */
export async function findNewest(input: {
  mirror: Mirror;
  commit: string;
  /** null = where alembic.ini says, else `migrations`. */
  folder: string | null;
  signal: AbortSignal;
}): Promise<Newest> {
  const { mirror, commit, signal } = input;
  return await withObjects(mirror, async (objects) => {
    const folder = checkPathInRepository(input.folder ?? (await folderOfAlembic(objects, commit)));
    const files = [...((await listMigrations(mirror, commit, folder, signal))?.values() ?? [])];
    if (files.length === 0)
      throw new Error(
        `there are no migrations in ${folder} at ${commit.slice(0, 12)}; say path: in the check`,
      );
    const python = files.filter(({ kind }) => kind === 'python');
    const heads = await findHeads(objects, python);
    if (heads.length > 0) return { heads };
    const newest = files
      .filter(({ kind }) => kind === 'sql')
      .sort(byName)
      .at(-1);
    if (newest === undefined)
      throw new Error(`the migrations in ${folder} are neither Alembic's nor SQL; ask with a run: check`);
    return { newest: path.posix.basename(newest.path).replace(/(\.(up|do))?\.sql$/i, '') };
  });
}

/** Is a database that is at `revision` where they bring it? Pure. */
export function isNewest(newest: Newest, revision: string): boolean {
  if ('heads' in newest) return [...newest.heads].sort().join(' ') === revision;
  const number = numberIn(newest.newest);
  return revision === newest.newest || (number !== null && number === numberIn(revision));
}

export function sayNewest(newest: Newest): string {
  return 'heads' in newest ? newest.heads.join(' ') : newest.newest;
}

/** `0042_add_region`, `V42__add_region` and `42` are the same place. */
function numberIn(name: string): bigint | null {
  const digits = /^[Vv]?(\d+)(?![A-Za-z0-9])/.exec(name.replace(/^([Vv]?\d+)_.*$/, '$1'))?.[1];
  return digits === undefined ? null : BigInt(digits);
}

const NATURAL = new Intl.Collator('en', { numeric: true });
const byName = (a: MigrationFile, b: MigrationFile): number => NATURAL.compare(a.path, b.path);

async function findHeads(objects: GitObjects, files: MigrationFile[]): Promise<string[]> {
  const ids = new Set<string>();
  const followed = new Set<string>();
  for (const { object, path: file } of files) {
    const blob = await objects.read(object, LARGEST_MIGRATION_BYTES);
    const text = blob?.content == null ? null : decodeText(blob.content);
    if (text === null) throw new Error(`${file} cannot be read`);
    const { id, after } = readPythonRevision(await parsePython(text));
    if (id === null) continue;
    ids.add(id);
    for (const each of after) followed.add(each);
  }
  return [...ids].filter((id) => !followed.has(id));
}

/** `script_location = %(here)s/db/alembic`; without one it is the usual folder. */
async function folderOfAlembic(objects: GitObjects, commit: string): Promise<string> {
  const text = await readFileAtCommit(objects, commit, 'alembic.ini');
  const said = /^\s*script_location\s*[=:]\s*(\S+)\s*$/m.exec(text ?? '')?.[1] ?? USUAL_FOLDER;
  return path.posix.normalize(said.replace(/^%\(here\)s\/?/, '')).replace(/\/$/, '');
}
