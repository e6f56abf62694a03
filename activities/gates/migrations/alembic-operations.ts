/** `op.…` and `batch_op.…` → what is wrong with them, in the words of the SQL they become. */
import {
  argument,
  flag,
  inTable,
  mayBe,
  named,
  plain,
  PLAINLY,
  shown,
  tableFrom,
  type Operation,
} from './alembic-arguments.js';
import { judgeAddColumn, judgeAlterColumn } from './alembic-columns.js';
import type { NewObjects } from './new-objects.js';
import { find, REASON, unclear, type Finding } from './problem.js';

type Judge = (operation: Operation, known: NewObjects) => Finding[];

const fine: Judge = () => [];
const CONCURRENTLY = 'say postgresql_concurrently=True, in op.get_context().autocommit_block()';

const JUDGES: Record<string, Judge> = {
  add_column: judgeAddColumn,
  alter_column: judgeAlterColumn,
  create_table: (operation, known) => {
    const table = named(operation, argument(operation, 0, 'table_name'));
    const mayBeThere = mayBe(operation, 'if_not_exists');
    if (table !== null) known.addTable(table, { temporary: false, mayBeThere });
    return [];
  },
  drop_table: (operation, known) => {
    const table = named(operation, argument(operation, 0, 'table_name'));
    return known.hasTable(table) ? [] : [find(REASON.drop, `table ${shown(table)}`)];
  },
  rename_table: (operation, known) => {
    const table = named(operation, argument(operation, 0, 'old_table_name'));
    return known.hasTable(table) ? [] : [find(REASON.rename, `table ${shown(table)}`)];
  },
  drop_column: judgeDropColumn,
  drop_constraint: judgeDropConstraint,
  create_index: judgeCreateIndex,
  drop_index: judgeDropIndex,
  create_foreign_key: (operation, known) => {
    const what = `FOREIGN KEY constraint ${plain(operation, argument(operation, 0, 'constraint_name'))}`;
    return judgeConstraint(operation, known, 'source_table', [
      ...(flag(operation, 'postgresql_not_valid') === true ? [] : [find(REASON.foreignKey, what)]),
    ]);
  },
  create_check_constraint: (operation, known) => {
    const what = `CHECK constraint ${plain(operation, argument(operation, 0, 'constraint_name'))}`;
    return judgeConstraint(operation, known, 'table_name', [
      find(REASON.check, what),
      ...(flag(operation, 'postgresql_not_valid') === true ? [] : [find(REASON.validation, what)]),
    ]);
  },
  create_unique_constraint: (operation, known) => {
    const what = `UNIQUE constraint ${plain(operation, argument(operation, 0, 'constraint_name'))}`;
    return judgeConstraint(operation, known, 'table_name', [
      find(REASON.unique, what),
      find(REASON.uniqueIndex, what),
    ]);
  },
  create_primary_key: (operation, known) => {
    const what = `PRIMARY KEY ${plain(operation, argument(operation, 0, 'constraint_name'))}`;
    return judgeConstraint(operation, known, 'table_name', [find(REASON.uniqueIndex, what)]);
  },
  create_exclude_constraint: (operation, known) => {
    const what = `EXCLUDE constraint ${plain(operation, argument(operation, 0, 'constraint_name'))}`;
    return judgeConstraint(operation, known, 'table_name', [find(REASON.unique, what)]);
  },
  bulk_insert: fine,
  create_table_comment: fine,
  drop_table_comment: fine,
  f: fine,
  get_bind: fine,
  get_context: fine,
  inline_literal: fine,
  batch_alter_table: fine,
};

export function judgeOperation(operation: Operation, known: NewObjects): Finding[] {
  const { name, call } = operation;
  const judge = Object.hasOwn(JUDGES, name) ? JUDGES[name] : undefined;
  if (judge === undefined)
    return [unclear(`op.${name}, which is not judged`, 'write it as SQL with op.execute')];
  if (call.spread) return [unclear(`op.${name} with arguments that are not written out`, PLAINLY)];
  return judge(operation, known);
}

function judgeDropColumn(operation: Operation, known: NewObjects): Finding[] {
  const table = tableFrom(operation, 'table_name', 0);
  const column = `${shown(table)}.${plain(operation, inTable(operation, 0, 'column_name'))}`;
  const isNew = known.hasTable(table) || known.has('column', column);
  return isNew ? [] : [find(REASON.drop, `column ${column}`)];
}

function judgeDropConstraint(operation: Operation, known: NewObjects): Finding[] {
  const name = plain(operation, argument(operation, 0, 'constraint_name'));
  const table = tableFrom(operation, 'table_name', 1);
  if (table !== null && (known.hasTable(table) || known.has('constraint', `${shown(table)}.${name}`)))
    return [];
  return [find(REASON.dropConstraint, `constraint ${name} of ${shown(table)}`)];
}

function judgeConstraint(
  operation: Operation,
  known: NewObjects,
  keyword: string,
  findings: Finding[],
): Finding[] {
  const table = tableFrom(operation, keyword, 1);
  if (known.hasTable(table)) return [];
  known.add('constraint', `${shown(table)}.${plain(operation, argument(operation, 0, 'constraint_name'))}`);
  return findings.map((each) => ({ ...each, what: `${each.what} on ${shown(table)}` }));
}

function judgeCreateIndex(operation: Operation, known: NewObjects): Finding[] {
  const name = plain(operation, argument(operation, 0, 'index_name'));
  const table = tableFrom(operation, 'table_name', 1);
  if (flag(operation, 'if_not_exists') === undefined) known.add('index', name);
  if (known.hasTable(table)) return [];
  const what = `index ${name} of ${shown(table)}`;
  const found: Finding[] = [];
  if (mayBe(operation, 'unique')) found.push(find(REASON.unique, `UNIQUE ${what}`));
  if (flag(operation, 'postgresql_concurrently') !== true)
    found.push({ ...find(REASON.index, what), wayOut: CONCURRENTLY });
  return found;
}

function judgeDropIndex(operation: Operation, known: NewObjects): Finding[] {
  const name = plain(operation, argument(operation, 0, 'index_name'));
  const table = tableFrom(operation, 'table_name', 1);
  const isNew = known.has('index', name) || known.hasTable(table);
  if (isNew || flag(operation, 'postgresql_concurrently') === true) return [];
  return [{ ...find(REASON.dropIndex, `index ${name}`), wayOut: CONCURRENTLY }];
}
