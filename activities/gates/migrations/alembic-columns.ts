/** `add_column` and `alter_column`. */
import {
  boolean,
  callName,
  flag,
  inTable,
  mayBe,
  plain,
  PLAINLY,
  shown,
  tableFrom,
  type Operation,
} from './alembic-arguments.js';
import type { NewObjects } from './new-objects.js';
import { find, REASON, unclear, type Finding } from './problem.js';
import {
  calledName,
  readCall,
  resolve,
  staticText,
  textOf,
  type PythonCall,
  type PythonFile,
  type PythonNode,
} from './python-source.js';

export function judgeAddColumn(operation: Operation, known: NewObjects): Finding[] {
  const table = tableFrom(operation, 'table_name', 0);
  if (known.hasTable(table)) return [];
  const { file } = operation;
  const node = inTable(operation, 0, 'column');
  const column = node === null ? null : resolve(file, node);
  const call = column?.name === 'CallExpression' ? readCall(file, column) : null;
  if (call === null || calledName(call) !== 'Column' || call.spread)
    return [unclear(`a new column of ${shown(table)} that is not written out as Column(…)`, PLAINLY)];
  const name = plain(operation, call.positional[0] ?? call.keywords.get('name') ?? null);
  if (flag(operation, 'if_not_exists') === undefined) known.add('column', `${shown(table)}.${name}`);
  return judgeColumn(operation, call, `new column ${shown(table)}.${name}`);
}

function judgeColumn(operation: Operation, column: PythonCall, what: string): Finding[] {
  const { file } = operation;
  const value = column.keywords.get('server_default');
  const hasDefault = value !== undefined && value.name !== 'None';
  const found: Finding[] = [];
  const isOn = (keyword: string): boolean => mayBe({ file, call: column }, keyword);
  const parts = column.positional.map((each) => callName(file, each));
  const isKey = isOn('primary_key');
  const nullable = boolean(file, column, 'nullable', !isKey);
  if (nullable === null) found.push(unclear(`${what}, nullable or not`, PLAINLY));
  if (nullable === false && !hasDefault) found.push(find(REASON.addNotNull, `${what} NOT NULL`));
  if (hasDefault && !isConstant(file, value)) found.push(find(REASON.volatileDefault, `${what} DEFAULT`));
  if (parts.includes('Identity') || parts.includes('Computed'))
    found.push(find(REASON.volatileDefault, what));
  if (isKey || isOn('unique')) found.push(find(REASON.uniqueIndex, `${what} UNIQUE`));
  if (isOn('index')) found.push(find(REASON.index, `index of ${what}`));
  // unlike SQL's REFERENCES in ADD COLUMN, Alembic adds it as a second statement
  if (parts.includes('ForeignKey')) found.push(find(REASON.foreignKey, `${what} REFERENCES`));
  if (parts.includes('CheckConstraint')) found.push(find(REASON.validation, `${what} CHECK`));
  return found;
}

export function judgeAlterColumn(operation: Operation, known: NewObjects): Finding[] {
  const { file, call } = operation;
  const table = tableFrom(operation, 'table_name', 0);
  if (known.hasTable(table)) return [];
  const column = `column ${shown(table)}.${plain(operation, inTable(operation, 0, 'column_name'))}`;
  const found: Finding[] = [];
  const nullable = call.keywords.get('nullable');
  if (nullable !== undefined && nullable.name !== 'None') {
    const value = boolean(file, call, 'nullable', true);
    if (value === null) found.push(unclear(`${column}, nullable or not`, PLAINLY));
    if (value === false) found.push(find(REASON.setNotNull, `${column} (NOT NULL)`));
  }
  const renamed = call.keywords.get('new_column_name');
  if (renamed !== undefined && renamed.name !== 'None')
    found.push(find(REASON.rename, `${column} to ${plain(operation, renamed)}`));
  const type = call.keywords.get('type_');
  if (type !== undefined && type.name !== 'None' && !isWider(file, call.keywords.get('existing_type'), type))
    found.push(find(REASON.changeType, `${column} (TYPE)`));
  const value = call.keywords.get('server_default');
  if (value?.name === 'None') found.push(find(REASON.dropDefault, `the default of ${column}`));
  if (value !== undefined && ['Identity', 'Computed'].includes(callName(file, value) ?? ''))
    found.push(find(REASON.rewrite, column));
  return found;
}

/** A longer varchar, or text instead of one: PostgreSQL changes only the catalogue. */
function isWider(file: PythonFile, before: PythonNode | undefined, after: PythonNode): boolean {
  const [old, wanted] = [before, after].map((type) => (type === undefined ? null : textLength(file, type)));
  return old !== null && old !== undefined && wanted !== null && wanted !== undefined && wanted >= old;
}

/** Characters a text type takes, Infinity without a limit; null = another type. */
function textLength(file: PythonFile, type: PythonNode): number | null {
  const node = resolve(file, type);
  const call = node.name === 'CallExpression' ? readCall(file, node) : null;
  const name = textOf(file, node).split('(')[0]?.split('.').at(-1) ?? '';
  if (['Text', 'TEXT'].includes(name)) return Infinity;
  if (!['String', 'VARCHAR', 'Unicode', 'AutoString'].includes(name)) return null;
  const length = call?.positional[0] ?? call?.keywords.get('length');
  if (length === undefined || length.name === 'None') return Infinity;
  return length.name === 'Number' ? Number(textOf(file, length)) : null;
}

/** Reads the same in every row: what PostgreSQL keeps in the catalogue instead of rewriting the table. */
const CONSTANT_SQL =
  /^\s*\(?\s*('(?:[^']|'')*'|-?\d+(\.\d+)?|true|false|null|now\(\)|current_(timestamp|date|time|user)|localtimestamp)(::[\w\s()[\]]+)?\s*\)?(\s+at\s+time\s+zone\s+'[\w/+-]+')?\s*$/i;
const CONSTANT_CALLS = new Set(['now', 'current_timestamp', 'true', 'false', 'null']);

function isConstant(file: PythonFile, value: PythonNode): boolean {
  const node = resolve(file, value);
  // Alembic quotes a plain string: it is a value, not SQL
  if (staticText(file, node) !== null) return true;
  if (node.name !== 'CallExpression') return false;
  const call = readCall(file, node);
  const name = calledName(call) ?? '';
  const [first] = call.positional;
  if (first === undefined) return CONSTANT_CALLS.has(name);
  const sql = ['text', 'literal_column'].includes(name) ? staticText(file, first) : null;
  return sql !== null && CONSTANT_SQL.test(sql.text);
}
