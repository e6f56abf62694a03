/** A folder of Alembic migrations of a small shop, as it is at a commit: 1 orders, 2 their region, 3 what fails. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

const ENV = `from alembic import context
from sqlalchemy import create_engine
import os
engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
`;

export interface Revision {
  id: string;
  after: string | null;
  up: string;
  /** null = cannot be taken back. */
  down: string | null;
}

export const ORDERS: Revision = {
  ...{ id: 'r1', after: null, up: 'create table orders (id int)', down: 'drop table orders' },
};
export const REGION: Revision = {
  ...{ id: 'r2', after: 'r1', up: 'alter table orders add column region text' },
  down: 'alter table orders drop column region',
};
export const BROKEN: Revision = {
  id: 'r3',
  after: 'r2',
  up: 'alter table nowhere add column x int',
  down: null,
};
export const ONE_WAY: Revision = {
  ...{ id: 'r3', after: 'r2', up: 'alter table orders drop column region', down: null },
};

/** Files by their path, for a commit or a folder. */
export function alembicFiles(...revisions: Revision[]): Record<string, string> {
  const files: Record<string, string> = {
    'alembic.ini': '[alembic]\nscript_location = %(here)s/migrations\n',
    'migrations/env.py': ENV,
  };
  for (const { id, after, up, down } of revisions) {
    const body =
      down === null ? 'raise NotImplementedError("there is no way back")' : `op.execute("${down}")`;
    files[`migrations/versions/${id}.py`] =
      `from alembic import op\nrevision = "${id}"\ndown_revision = ${after === null ? 'None' : `"${after}"`}\n` +
      `def upgrade():\n    op.execute("${up}")\ndef downgrade():\n    ${body}\n`;
  }
  return files;
}

export async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}
