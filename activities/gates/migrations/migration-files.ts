/** The files under the gate's path: which are migrations, which are new, and whether history was rewritten. */
import { readTreeLine } from '../../../pipeline/index.js';
import { readGit } from '../../source/run-git.js';
import type { Mirror } from '../../source/source.js';

export interface MigrationFile {
  path: string;
  /** Object id of its content. */
  object: string;
  bytes: number;
  kind: 'sql' | 'python' | 'unknown';
}

/** `link` and other things that are no file are of kind `unknown`. Null: the commit has no such folder. */
export async function listMigrations(
  mirror: Mirror,
  commit: string,
  folder: string,
  signal: AbortSignal,
): Promise<Map<string, MigrationFile> | null> {
  const args = ['ls-tree', '-r', '-z', '--long', '--full-tree', commit];
  const listed = await readGit({
    repository: mirror.folder,
    args: folder === '.' ? args : [...args, '--', `${folder}/`],
    signal,
  });
  const entries = listed.split('\0').flatMap((line) => readTreeLine(line) ?? []);
  if (entries.length === 0) return null;
  const paths = new Set(entries.map(({ path }) => path));
  return new Map(
    entries
      .filter(({ path }) => !isBeside(path) && !isWayBack(path, paths))
      .map(({ mode, object, bytes, path }) => [
        path,
        { path, object, bytes, kind: mode.startsWith('100') ? kindOf(path) : 'unknown' },
      ]),
  );
}

function kindOf(path: string): MigrationFile['kind'] {
  if (/\.sql$/i.test(path)) return 'sql';
  return /\.py$/i.test(path) ? 'python' : 'unknown';
}

/** What tools keep beside their migrations, and people's notes: none of it runs against the database. */
const BESIDE =
  /(^|\/)(\.[^/]+|readme[^/]*|[^/]+\.(md|rst|txt|mako|ini|toml|cfg|sum|lock)|__init__\.py|__pycache__\/.*|meta\/(_journal|\d+_snapshot)\.json)$/i;

const isBeside = (path: string): boolean => BESIDE.test(path);

/** `0042.down.sql` is the way back of `0042.up.sql` or `0042.sql`; alone, a tool that runs all files would run it too. */
function isWayBack(path: string, all: ReadonlySet<string>): boolean {
  const [, stem = '', sign = '', word = ''] = /^(.*?)([._-]?)(down|undo|rollback)\.sql$/i.exec(path) ?? [];
  if (word === '') return false;
  return [`${stem}${sign}up.sql`, `${stem}${sign}do.sql`, ...(sign === '' ? [] : [`${stem}.sql`])].some(
    (each) => all.has(each),
  );
}

export interface Difference {
  /** In the order in which they are applied, as far as names tell. */
  added: MigrationFile[];
  /** Were applied in another form, or by another name. */
  rewritten: { path: string; how: 'changed' | 'removed' }[];
}

/** `before` null: nothing is live, all of them are new. */
export function compareMigrations(
  before: ReadonlyMap<string, MigrationFile> | null,
  now: ReadonlyMap<string, MigrationFile>,
): Difference {
  const old = [...(before ?? new Map<string, MigrationFile>()).values()];
  const rewritten = old.flatMap(({ path, object }): Difference['rewritten'] => {
    const found = now.get(path);
    if (found === undefined) return [{ path, how: 'removed' }];
    return found.object === object ? [] : [{ path, how: 'changed' }];
  });
  const added = [...now.values()].filter(({ path }) => before?.has(path) !== true);
  return { added: added.sort(byName), rewritten };
}

const NATURAL = new Intl.Collator('en', { numeric: true });

const byName = (a: MigrationFile, b: MigrationFile): number => NATURAL.compare(a.path, b.path);
