import { describe, expect, it } from 'vitest';
import { parsePython } from '../../../activities/gates/migrations/python-source.js';
import { readAlembic } from '../../../activities/gates/migrations/read-alembic.js';
import { inShort, judgeSteps, sharedParser, type Judged } from '../../support/migrations.js';

const parser = sharedParser();

async function judge(source: string, isOld?: (name: string) => boolean): Promise<Judged[] | null> {
  const steps = await readAlembic(parser(), await parsePython(source));
  return steps === null ? null : judgeSteps(steps, isOld);
}

/** Lines are counted from the first one of the body. */
const HEAD = `"""a migration"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = 'b2'
down_revision = 'a1'

def upgrade() -> None:
`;
const TAIL = `

def downgrade() -> None:
    op.drop_table('orders')
    _way_back()

def _way_back():
    op.drop_column('orders', 'note')
`;

function migration(body: string): string {
  const lines = body.split('\n').map((line) => `    ${line}`);
  return `${HEAD}${lines.join('\n')}${TAIL}`;
}

const FIRST_LINE = HEAD.split('\n').length;

async function short(body: string): Promise<string[]> {
  const judged = (await judge(migration(body))) ?? [];
  return inShort(judged.map((each) => ({ ...each, line: each.line - FIRST_LINE + 1 })));
}

describe('what the live version does not notice', () => {
  it.each([
    'pass',
    "op.add_column('orders', sa.Column('note', sa.Text(), nullable=True))",
    "op.add_column('orders', sa.Column('note', sa.Text()))",
    "op.add_column('orders', sa.Column('note', sa.Text(), nullable=False, server_default='x'), schema='app')",
    "op.add_column('orders', sa.Column('at', sa.DateTime(), nullable=False, server_default=sa.text('now()')))",
    "op.add_column('orders', sa.Column('at', sa.DateTime(), nullable=False, server_default=sa.func.now()))",
    "op.add_column('orders', sa.Column('on', sa.Boolean(), nullable=False, server_default=sa.false()))",
    "op.add_column('orders', sa.Column('tags', postgresql.JSONB(), server_default=sa.text(\"'{}'::jsonb\"), nullable=False))",
    "op.create_table('refunds', sa.Column('id', sa.Integer(), nullable=False), sa.PrimaryKeyConstraint('id'))\nop.create_index(op.f('ix'), 'refunds', ['id'], unique=True)\nop.alter_column('refunds', 'id', nullable=False)",
    "with op.get_context().autocommit_block():\n    op.create_index('ix', 'orders', ['n'], postgresql_concurrently=True)\n    op.drop_index('iy', table_name='orders', postgresql_concurrently=True)",
    "op.create_foreign_key('fk', 'orders', 'users', ['u'], ['id'], postgresql_not_valid=True)",
    "op.alter_column('orders', 'note', nullable=True, existing_type=sa.String())",
    "op.alter_column('orders', 'note', existing_type=sa.String(length=50), type_=sa.String(100))",
    "op.alter_column('orders', 'note', existing_type=sa.VARCHAR(50), type_=sa.Text(), existing_nullable=False)",
    "op.alter_column('orders', 'note', server_default='x', comment='y')",
    "with op.batch_alter_table('orders') as batch_op:\n    batch_op.add_column(sa.Column('note', sa.Text()))",
    "op.execute('ALTER TABLE orders ADD note text')",
    "op.execute(sa.text('UPDATE orders SET note = :note').bindparams(note='x'))",
    "op.get_bind().execute(sa.text('SELECT 1'))",
    "bind = op.get_bind()\ninspector = sa.inspect(bind)\nif 'note' not in [c['name'] for c in inspector.get_columns('orders')]:\n    op.add_column('orders', sa.Column('note', sa.Text()))",
    "t = sa.table('orders', sa.column('n'))\nop.execute(t.update().values(n=1))\nop.bulk_insert(t, [{'n': 1}])\nop.get_bind().execute(sa.delete(t).where(t.c.n == 3))",
    "for name in ['a', 'b']:\n    op.add_column('orders', sa.Column(name, sa.Text()))",
    "state = postgresql.ENUM('a', name='state')\nstate.create(op.get_bind(), checkfirst=True)",
    "op.execute(f'ALTER TABLE orders ADD note text')\nop.execute('ALTER TABLE orders ' 'ADD a text' + ', ADD b text')",
    "op.execute(r'''UPDATE orders SET note = 'a\\d' ''')",
    "print('DROP TABLE orders')  # op.drop_table('orders')",
  ])('%s', async (body) => {
    expect(await short(body)).toEqual([]);
  });
});

describe('what it does notice', () => {
  it.each([
    ["op.drop_table('orders')", 'drops table orders'],
    ["op.drop_table('orders', schema='app')", 'drops table app.orders'],
    ["op.drop_column('orders', 'note')", 'drops column orders.note'],
    ["op.drop_column(table_name='orders', column_name='note')", 'drops column orders.note'],
    ["op.drop_constraint('k', 'orders', type_='check')", 'drops constraint k of orders'],
    ["op.alter_column('orders', 'n', server_default=None)", 'drops the default of column orders.n'],
    ["sa.Enum(name='state').drop(op.get_bind())", "drops sa.Enum(name='state').drop(op.get_bind())"],
    ['op.get_bind().execute(sa.delete(orders))', 'drops rows (sa.delete(orders))'],
    ["op.rename_table('orders', 'purchases')", 'renames table orders'],
    ["op.alter_column('orders', 'n', new_column_name='m')", 'renames column orders.n to m'],
    ["op.alter_column('orders', 'n', nullable=False)", 'narrows column orders.n (NOT NULL)'],
    ["op.alter_column('orders', 'n', type_=sa.Integer())", 'narrows column orders.n (TYPE)'],
    [
      "op.alter_column('orders', 'n', existing_type=sa.String(50), type_=sa.String(10))",
      'narrows column orders.n (TYPE)',
    ],
    [
      "op.alter_column('orders', 'n', existing_type=sa.Integer(), type_=sa.Text())",
      'narrows column orders.n (TYPE)',
    ],
    [
      "op.add_column('orders', sa.Column('n', sa.Text(), nullable=False))",
      'narrows new column orders.n NOT NULL',
    ],
    ["op.add_column('orders', sa.Column('n', sa.Integer(), sa.Identity()))", 'locks new column orders.n'],
    [
      "op.add_column('orders', sa.Column('n', sa.Uuid(), server_default=sa.text('gen_random_uuid()')))",
      'locks new column orders.n DEFAULT',
    ],
    [
      "op.add_column('orders', sa.Column('u', sa.Integer(), sa.ForeignKey('users.id')))",
      'locks new column orders.u REFERENCES',
    ],
    ["op.add_column('orders', sa.Column('n', sa.Text(), unique=True))", 'locks new column orders.n UNIQUE'],
    ["op.add_column('orders', sa.Column('n', sa.Text(), index=True))", 'locks index of new column orders.n'],
    ["op.create_index('ix', 'orders', ['n'])", 'locks index ix of orders'],
    ["op.create_index('ix', TABLE, ['n'])", 'locks index ix of (a computed name)'],
    [
      "op.create_index('ix', 'orders', ['n'], unique=True, postgresql_concurrently=True)",
      'narrows UNIQUE index ix of orders',
    ],
    ["op.drop_index('ix', 'orders')", 'locks index ix'],
    [
      "op.create_foreign_key('fk', 'orders', 'users', ['u'], ['id'])",
      'locks FOREIGN KEY constraint fk on orders',
    ],
    [
      "op.create_check_constraint('k', 'orders', 'n > 0', postgresql_not_valid=True)",
      'narrows CHECK constraint k on orders',
    ],
    ["op.create_primary_key('pk', 'orders', ['id'])", 'locks PRIMARY KEY pk on orders'],
    ["op.execute('DROP TABLE orders')", 'drops table orders'],
    ["op.execute(sqltext=sa.text('DROP TABLE orders'))", 'drops table orders'],
    ["op.get_bind().exec_driver_sql('DROP TABLE orders')", 'drops table orders'],
    [
      "from sqlalchemy import text\nconnection.execute(text('DROP ' 'TABLE orders'))",
      'drops table orders',
      2,
    ],
    [
      "if True:\n    try:\n        op.drop_table('orders')\n    finally:\n        pass",
      'drops table orders',
      3,
    ],
    ["op.execute('''\n  SELECT 1;\n  DROP TABLE orders;\n''')", 'drops table orders', 3],
    ["op.execute(\n    'SELECT 1;'\n    'DROP TABLE orders'\n)", 'drops table orders', 3],
    ["op.execute('SELECT 1;\\n\\nDROP TABLE orders')", 'drops table orders'],
    ["SQL = 'DROP TABLE orders'\nop.execute(SQL)", 'drops table orders', 1],
    [
      "with op.batch_alter_table('orders', schema='app') as b:\n    b.drop_column('note')",
      'drops column app.orders.note',
      2,
    ],
    [
      "with op.batch_alter_table('orders') as b:\n    b.alter_column('n', nullable=False)",
      'narrows column orders.n (NOT NULL)',
      2,
    ],
    [
      "with op.batch_alter_table('orders') as b:\n    b.create_index('ix', ['n'])",
      'locks index ix of orders',
      2,
    ],
    ["ｏｐ.drop_table('orders')", 'drops table orders'],
  ])('%s', async (body, expected, line = 1) => {
    expect(await short(body)).toEqual([`${line} ${expected}`]);
  });

  it('follows the functions of the file, even the way back', async () => {
    expect(await short('_way_back()')).toEqual(['8 drops column orders.note']);
    expect(await short('downgrade()')).toEqual(['4 drops table orders', '8 drops column orders.note']);
  });
});

describe('what cannot be read', () => {
  it.each([
    ["op.execute(f'DROP TABLE {name}')", 'SQL that is put together while it runs'],
    ["op.execute('DROP TABLE %s' % name)", 'SQL that is put together while it runs'],
    ["op.execute('DROP TABLE {}'.format(name))", 'SQL that is put together while it runs'],
    ['for sql in STATEMENTS:\n    op.execute(sql)', 'SQL that is put together while it runs'],
    ["x = 'SELECT 1'\nx = 'DROP TABLE orders'\nop.execute(x)", 'SQL that is put together while it runs'],
    ["x = 'SELECT 1'\nx += '; DROP TABLE orders'\nop.execute(x)", 'SQL that is put together while it runs'],
    ["op.execute('\\x44ROP TABLE orders')", 'SQL that is put together while it runs'],
    ["op.execute(b'x')", 'SQL that is put together while it runs'],
    ["op.execute('DROP TABEL x')", "SQL that PostgreSQL's grammar refuses"],
    ['op.execute(*args)', 'SQL that is not written out'],
    ["op.add_column('orders', column)", 'a new column of orders that is not written out'],
    [
      "op.add_column('orders', sa.Column('n', sa.Text(), nullable=flag))",
      'new column orders.n, nullable or not',
    ],
    [
      "op.add_column('orders', sa.Column('n', sa.Text(), **kw))",
      'a new column of orders that is not written out',
    ],
    ['op.add_column(*args)', 'op.add_column with arguments that are not written out'],
    ["op.alter_column('orders', 'n', nullable=flag)", 'column orders.n, nullable or not'],
    ['op.invoke(thing)', 'op.invoke, which is not judged'],
    ["getattr(op, 'drop_table')('orders')", 'op used other than as op.operation(…)'],
    ["o = op\no.drop_table('orders')", 'op used other than as op.operation(…)'],
    ["f = op.drop_table\nf('orders')", 'op used other than as op.operation(…)'],
    ["b = op.batch_alter_table('orders').__enter__()", 'op.batch_alter_table outside of with … as'],
    ["with op.batch_alter_table('orders') as b:\n    helper(b)", 'b used other than as b.operation(…)'],
    ['from shop.database import tidy\ntidy()', 'a call of tidy, which is not in this file'],
    ['import shop\nshop.tidy()', 'a call of shop.tidy, which is not in this file'],
    ["import subprocess\nsubprocess.run(['psql'])", 'a call of subprocess.run, which is not in this file'],
    ["exec('x')", 'a call of exec, which is not in this file'],
    ["globals()['downgrade']()", 'a call of globals, which is not in this file'],
  ])('%s', async (body, expected) => {
    const found = await short(body);
    expect(
      found.some((each) => each.includes(`unclear ${expected}`)),
      found.join('\n'),
    ).toBe(true);
  });

  it.each([
    ['no upgrade()', 'from alembic import op\nop.drop_table("x")\n'],
    ['two of them', 'def upgrade(): pass\ndef upgrade(): op.drop_table("x")\n'],
    ['one that is replaced', 'def upgrade(): pass\nupgrade = other\n'],
    ['a migration of another tool', 'class Migration(migrations.Migration):\n    operations = []\n'],
  ])('%s is no migration of Alembic', async (_what, source) => {
    expect(await judge(source)).toBeNull();
  });

  it.each([
    'def upgrade():\n  op.x(\n',
    'def upgrade(:\n',
    "def upgrade():\n    op.execute('open\n",
    '\0',
    '{% if x %}',
  ])('what is no Python: %j', async (source) => {
    expect(await judge(source)).toMatchObject([
      { fault: 'unclear', what: "text that Python's grammar refuses" },
    ]);
  });

  it('other names of op are known', async () => {
    const of = async (head: string, call: string): Promise<string[]> =>
      inShort((await judge(`${head}\ndef upgrade():\n    ${call}\n`)) ?? []);
    expect(await of('from alembic import op as o', "o.drop_table('t')")).toEqual(['3 drops table t']);
    expect(await of('import alembic.op', "alembic.op.drop_table('t')")).toEqual(['3 drops table t']);
    expect(await of('import alembic.op as x', "x.drop_table('t')")).toEqual(['3 drops table t']);
    expect(await of('from alembic import (context,\n  op)', "op.drop_table('t')")).toEqual([
      '4 drops table t',
    ]);
  });

  it('what alembic revision --autogenerate writes', async () => {
    const source = `"""add refunds

Revision ID: 8f1c2a
Revises: 7e0b
Create Date: 2026-03-01 10:00:00.000000

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
import sqlmodel


# revision identifiers, used by Alembic.
revision: str = '8f1c2a'
down_revision: Union[str, Sequence[str], None] = '7e0b'
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table('refunds',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
    sa.ForeignKeyConstraint(['id'], ['orders.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_refunds_reason'), 'refunds', ['reason'], unique=False)
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.add_column(sa.Column('note', sa.String(length=50), nullable=True))
        batch_op.alter_column('state',
               existing_type=sa.VARCHAR(length=10),
               nullable=False)

    # ### end Alembic commands ###


def downgrade() -> None:
    op.drop_table('refunds')
`;
    expect(inShort((await judge(source)) ?? [])).toEqual(['33 narrows column orders.state (NOT NULL)']);
  });

  it("a team's own column types are taken for what they are", async () => {
    const source = `import shop.types\n${migration("op.add_column('orders', sa.Column('id', shop.types.Guid(16)))")}`;
    expect(await judge(source)).toEqual([]);
  });

  it('a large file is read in time that grows with it', async () => {
    const body = Array.from(
      { length: 5000 },
      (_, index) => `op.add_column(T, sa.Column('c${index}', sa.Text()))`,
    );
    expect(await short(["T = 'orders'", ...body].join('\n'))).toEqual([]);
  });
});
