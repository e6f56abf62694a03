/** ALTER TABLE on a table that the live version uses. */
import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node } from 'libpg-query';
import { tableText, type NewObjects } from './new-objects.js';
import { find, REASON, unclear, type Finding } from './problem.js';
import { columnsOf, strings, tableOf } from './sql-names.js';

type CommandKind = NonNullable<AlterTableCmd['subtype']>;

/** Neither takes anything away nor looks at all rows under a lock. */
const HARMLESS: ReadonlySet<CommandKind> = new Set<CommandKind>([
  'AT_DropNotNull',
  'AT_ValidateConstraint',
  'AT_SetStatistics',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_ClusterOn',
  'AT_DropCluster',
  'AT_ReplicaIdentity',
  'AT_DisableRowSecurity',
  'AT_NoForceRowSecurity',
]);

/** A command, and what it is about, as far as one reason fits all. */
const PLAIN = new Map<CommandKind, (table: string, name: string) => Finding>([
  [
    'AT_DropExpression',
    (table, name) => find(REASON.dropDefault, `the expression of column ${table}.${name}`),
  ],
  ['AT_DropIdentity', (table, name) => find(REASON.dropDefault, `the identity of column ${table}.${name}`)],
  ['AT_SetNotNull', (table, name) => find(REASON.setNotNull, `column ${table}.${name} (SET NOT NULL)`)],
  ['AT_AlterColumnType', (table, name) => find(REASON.changeType, `column ${table}.${name} (TYPE)`)],
  ['AT_SetExpression', (table, name) => find(REASON.rewrite, `column ${table}.${name} (SET EXPRESSION)`)],
  ['AT_AddIdentity', (table, name) => find(REASON.identity, `column ${table}.${name} (IDENTITY)`)],
  ['AT_DetachPartition', (table) => find(REASON.drop, `a partition of ${table}`)],
  ['AT_DropInherit', (table) => find(REASON.drop, `the parent of ${table}`)],
  ['AT_AttachPartition', (table) => find(REASON.validation, `a partition attached to ${table}`)],
  ['AT_EnableRowSecurity', (table) => find(REASON.rowSecurity, `table ${table} (row level security)`)],
  ['AT_ForceRowSecurity', (table) => find(REASON.rowSecurity, `table ${table} (row level security)`)],
  ['AT_SetTableSpace', (table) => find(REASON.rewrite, `table ${table} (TABLESPACE)`)],
  ['AT_SetLogged', (table) => find(REASON.rewrite, `table ${table} (LOGGED)`)],
  ['AT_SetUnLogged', (table) => find(REASON.rewrite, `table ${table} (UNLOGGED)`)],
  ['AT_SetAccessMethod', (table) => find(REASON.rewrite, `table ${table} (ACCESS METHOD)`)],
]);

export function judgeAlterTable(statement: AlterTableStmt, known: NewObjects): Finding[] {
  const relation = tableOf(statement.relation);
  if (known.hasTable(relation)) return [];
  const table = tableText(relation);
  return (statement.cmds ?? []).flatMap((each) => {
    if (!('AlterTableCmd' in each)) return [unclear(`a change of ${table}`, 'leave it out')];
    return judgeCommand(each.AlterTableCmd, table, known);
  });
}

function judgeCommand(command: AlterTableCmd, table: string, known: NewObjects): Finding[] {
  const { subtype, def, name = '?' } = command;
  if (subtype === undefined) return [unclear(`a change of ${table}`, 'leave it out')];
  if (HARMLESS.has(subtype)) return [];
  const plain = PLAIN.get(subtype);
  if (plain !== undefined) return isOfNewTable(command, known) ? [] : [plain(table, name)];
  if (subtype === 'AT_AddColumn' && def !== undefined && 'ColumnDef' in def)
    return judgeNewColumn(def.ColumnDef, table, known, command.missing_ok === true);
  if (subtype === 'AT_AddConstraint' && def !== undefined && 'Constraint' in def)
    return judgeNewConstraint(def.Constraint, table, known);
  if (subtype === 'AT_DropColumn')
    return known.has('column', `${table}.${name}`) ? [] : [find(REASON.drop, `column ${table}.${name}`)];
  if (subtype === 'AT_DropConstraint')
    return known.has('constraint', `${table}.${name}`)
      ? []
      : [find(REASON.dropConstraint, `constraint ${name} of ${table}`)];
  if (subtype === 'AT_ColumnDefault')
    return def === undefined ? [find(REASON.dropDefault, `the default of column ${table}.${name}`)] : [];
  return [unclear(`${subtype.replace('AT_', '')} on ${table}`, 'leave it to a later release')];
}

/** ATTACH PARTITION of a table without rows of the live version has nothing to check. */
function isOfNewTable({ def }: AlterTableCmd, known: NewObjects): boolean {
  return def !== undefined && 'PartitionCmd' in def && known.hasTable(tableOf(def.PartitionCmd.name));
}

function judgeNewColumn(column: ColumnDef, table: string, known: NewObjects, mayBeThere: boolean): Finding[] {
  const { colname = '?', constraints = [] } = column;
  const what = `new column ${table}.${colname}`;
  const parts = constraints.flatMap((each) => ('Constraint' in each ? [each.Constraint] : []));
  const has = (kind: Constraint['contype']): Constraint | undefined =>
    parts.find((each) => each.contype === kind);
  const defaultValue = has('CONSTR_DEFAULT')?.raw_expr;
  const found: Finding[] = [];
  if (!mayBeThere) known.add('column', `${table}.${colname}`);
  if (
    has('CONSTR_IDENTITY') !== undefined ||
    has('CONSTR_GENERATED')?.generated_kind === 's' ||
    isSerial(column)
  )
    found.push(find(REASON.volatileDefault, what));
  else if (
    has('CONSTR_NOTNULL') !== undefined &&
    isNull(defaultValue) &&
    has('CONSTR_GENERATED') === undefined
  )
    found.push(find(REASON.addNotNull, `${what} NOT NULL`));
  if (defaultValue !== undefined && !isSameForEveryRow(defaultValue))
    found.push(find(REASON.volatileDefault, `${what} DEFAULT`));
  if (has('CONSTR_PRIMARY') !== undefined) found.push(find(REASON.uniqueIndex, `${what} PRIMARY KEY`));
  if (has('CONSTR_UNIQUE') !== undefined) found.push(find(REASON.uniqueIndex, `${what} UNIQUE`));
  if (has('CONSTR_CHECK') !== undefined) found.push(find(REASON.validation, `${what} CHECK`));
  // a column of nothing but NULL is not looked through
  if (has('CONSTR_FOREIGN') !== undefined && defaultValue !== undefined)
    found.push(find(REASON.foreignKey, `${what} REFERENCES`));
  return found;
}

type OfConstraint = (constraint: Constraint, what: string, areNew: boolean) => Finding[];

/** `areNew`: its columns are of this release, the live version leaves them NULL or at their default. */
const CONSTRAINTS = new Map<Constraint['contype'], OfConstraint>([
  [
    'CONSTR_CHECK',
    (constraint, what, areNew) => [
      ...(areNew ? [] : [find(REASON.check, `CHECK ${what}`)]),
      ...(isValidated(constraint) ? [find(REASON.validation, `CHECK ${what}`)] : []),
    ],
  ],
  [
    'CONSTR_NOTNULL',
    (constraint, what) => [find(REASON.setNotNull, `NOT NULL ${what} (${columnsOf(constraint).join(', ')})`)],
  ],
  [
    'CONSTR_FOREIGN',
    (constraint, what) => (isValidated(constraint) ? [find(REASON.foreignKey, `FOREIGN KEY ${what}`)] : []),
  ],
  [
    'CONSTR_UNIQUE',
    ({ indexname }, what, areNew) => {
      // its index was judged where it was made
      if (indexname !== undefined) return [];
      const lock = find(REASON.uniqueIndex, `UNIQUE ${what}`);
      return areNew ? [lock] : [find(REASON.unique, `UNIQUE ${what}`), lock];
    },
  ],
  [
    'CONSTR_PRIMARY',
    ({ indexname }, what) => [
      find(REASON.setNotNull, `PRIMARY KEY ${what}`),
      ...(indexname === undefined ? [find(REASON.uniqueIndex, `PRIMARY KEY ${what}`)] : []),
    ],
  ],
  ['CONSTR_EXCLUSION', (_constraint, what) => [find(REASON.unique, `EXCLUDE ${what}`)]],
]);

const isValidated = (constraint: Constraint): boolean => constraint.skip_validation !== true;

function judgeNewConstraint(constraint: Constraint, table: string, known: NewObjects): Finding[] {
  const name = constraint.conname ?? '(unnamed)';
  const columns = columnsOf(constraint);
  const areNew = columns.length > 0 && columns.every((each) => known.has('column', `${table}.${each}`));
  const what = `constraint ${name} on ${table}`;
  known.add('constraint', `${table}.${name}`);
  return (
    CONSTRAINTS.get(constraint.contype)?.(constraint, what, areNew) ?? [
      unclear(what, 'leave it to a later release'),
    ]
  );
}

const SERIALS = new Set(['serial', 'bigserial', 'smallserial', 'serial2', 'serial4', 'serial8']);

function isSerial({ typeName }: ColumnDef): boolean {
  return SERIALS.has(strings(typeName?.names).at(-1) ?? '');
}

function isNull(value: Node | undefined): boolean {
  if (value === undefined) return true;
  if ('TypeCast' in value) return isNull(value.TypeCast.arg);
  return 'A_Const' in value && value.A_Const.isnull === true;
}

/** The functions that give one value for a whole statement; an unknown one may give another for every row. */
const STABLE = new Set([
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'timezone',
  'current_setting',
  'jsonb_build_object',
  'json_build_object',
  'jsonb_build_array',
  'json_build_array',
  'lower',
  'upper',
  'to_jsonb',
  'to_json',
  'date_trunc',
]);

function isSameForEveryRow(value: Node): boolean {
  if ('A_Const' in value || 'SQLValueFunction' in value) return true;
  if ('TypeCast' in value) return value.TypeCast.arg !== undefined && isSameForEveryRow(value.TypeCast.arg);
  if ('A_ArrayExpr' in value) return (value.A_ArrayExpr.elements ?? []).every(isSameForEveryRow);
  if ('RowExpr' in value) return (value.RowExpr.args ?? []).every(isSameForEveryRow);
  if ('A_Expr' in value) {
    const { lexpr, rexpr } = value.A_Expr;
    return [lexpr, rexpr].every((side) => side === undefined || isSameForEveryRow(side));
  }
  if ('FuncCall' in value) {
    const name = strings(value.FuncCall.funcname).filter((part) => part !== 'pg_catalog');
    return (
      name.length === 1 && STABLE.has(name[0] ?? '') && (value.FuncCall.args ?? []).every(isSameForEveryRow)
    );
  }
  return false;
}
