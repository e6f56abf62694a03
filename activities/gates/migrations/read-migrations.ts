/** New migrations → their steps. Contents are untrusted: read up to a limit, parsed, never run. */
import { decodeText } from '../../../pipeline/index.js';
import type { GitObjects } from '../../source/git-objects.js';
import { readRevision, type Revision } from './alembic-code.js';
import type { MigrationFile } from './migration-files.js';
import { unclear, type Step } from './problem.js';
import { parsePython } from './python-source.js';
import { readAlembic } from './read-alembic.js';
import type { SqlParser } from './sql-parser.js';
import { readStatements } from './sql-statements.js';
import { sqlOfFile } from './sql-text.js';

const LARGEST_MIGRATION_BYTES = 1024 * 1024;
const LARGEST_SUM_BYTES = 16 * 1024 * 1024;

export interface Migration {
  path: string;
  steps: Step[];
  /** Alembic's order is not that of the file names. */
  revision: Revision | null;
}

/** In the order given. What is too much to be read is a step that says so. */
export async function readMigrations(
  objects: GitObjects,
  parser: SqlParser,
  files: readonly MigrationFile[],
): Promise<Map<string, Migration>> {
  const read = new Map<string, Migration>();
  let sum = 0;
  for (const file of files) {
    sum += file.bytes;
    const migration =
      sum > LARGEST_SUM_BYTES
        ? notRead(file, `more than ${LARGEST_SUM_BYTES >> 20} MB of new migrations`, 'release them in parts')
        : await readMigration(objects, parser, file);
    read.set(file.path, migration);
  }
  return read;
}

async function readMigration(
  objects: GitObjects,
  parser: SqlParser,
  file: MigrationFile,
): Promise<Migration> {
  const { path, kind, bytes } = file;
  if (kind === 'unknown')
    return notRead(
      file,
      'a file that is neither SQL nor Alembic',
      'keep it elsewhere, or check it with a run: gate',
    );
  if (bytes > LARGEST_MIGRATION_BYTES)
    return notRead(
      file,
      `a file of ${bytes} bytes, of which ${LARGEST_MIGRATION_BYTES} are read`,
      'split it',
    );
  const blob = await objects.read(file.object, LARGEST_MIGRATION_BYTES);
  if (blob?.content == null) throw new Error(`${path}: the repository has lost its content`);
  const text = decodeText(blob.content);
  if (text === null) return notRead(file, 'a file that is not UTF-8', 'save it as UTF-8');
  if (kind === 'sql') return { path, steps: await readStatements(parser, sqlOfFile(text)), revision: null };
  const python = await parsePython(text);
  const steps = await readAlembic(parser, python);
  if (steps !== null) return { path, steps, revision: readRevision(python) };
  if (/(^|\/)env\.py$/.test(path)) return { path, steps: [], revision: null };
  return notRead(
    file,
    'a file that is neither SQL nor Alembic (it has no one upgrade())',
    'keep it elsewhere, or check it with a run: gate',
  );
}

function notRead({ path }: MigrationFile, what: string, wayOut: string): Migration {
  const judge: Step['judge'] = () => [unclear(what, wayOut)];
  return { path, steps: [{ line: 1, statement: '', conditional: false, judge }], revision: null };
}

/** What may be the name of a table. */
export const WORD = /[\p{L}_][\p{L}\p{N}_$]*/gu;

/** Every word of older migrations: a table whose name is not among them was not there before. Null: too many. */
export async function wordsOf(
  objects: GitObjects,
  files: readonly MigrationFile[],
): Promise<Set<string> | null> {
  const words = new Set<string>();
  let sum = 0;
  for (const { object, bytes } of files) {
    sum += bytes;
    if (sum > LARGEST_SUM_BYTES) return null;
    const text = (await objects.read(object))?.content?.toString('utf8') ?? '';
    for (const [word] of text.matchAll(WORD)) words.add(word.toLowerCase());
  }
  return words;
}

/** A revision after those it names; others stay where they are. */
export function inOrder(migrations: readonly Migration[]): Migration[] {
  const byId = new Map(
    migrations.flatMap((each) => (each.revision?.id == null ? [] : [[each.revision.id, each]])),
  );
  const ordered = new Set<Migration>();
  const open = [...migrations].reverse();
  const entered = new Set<Migration>();
  for (let each = open.at(-1); each !== undefined; each = open.at(-1)) {
    const before = (each.revision?.after ?? []).flatMap((id) => byId.get(id) ?? []);
    const missing = entered.has(each) ? [] : before.filter((other) => !ordered.has(other));
    entered.add(each);
    if (missing.length > 0) open.push(...missing);
    else {
      open.pop();
      ordered.add(each);
    }
  }
  return [...ordered];
}
