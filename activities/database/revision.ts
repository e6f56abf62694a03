/** What a `current` command prints, read as the place a database is at. Pure. */

/** Alembic's own word for a database that was never migrated. */
export const BEGINNING = 'base';

/** Alembic's marks behind a revision. */
const MARKS = /\s*\((effective head|head|mergepoint|branchpoint)\)/g;

/** `9f2c (head)` → `9f2c`; several heads stand side by side, in order; nothing printed is the beginning. */
export function readRevision(printed: string): string {
  const lines = printed
    .split('\n')
    .map((line) => line.replace(MARKS, '').trim())
    .filter((line) => line !== '');
  return lines.length === 0 ? BEGINNING : lines.sort().join(' ');
}
