/**
 * One SQL statement → what is wrong with it while the live version still runs. What is not known to be harmless is
 * said to be unclear.
 */
import type {
  AlterSeqStmt,
  CreateFunctionStmt,
  DropStmt,
  IndexStmt,
  Node,
  RangeVar,
  RenameStmt,
} from 'libpg-query';
import { judgeAlterTable } from './judge-alter-table.js';
import { tableText, type NewObjects } from './new-objects.js';
import { find, REASON, unclear, type Finding } from './problem.js';
import { columnsIn, nameParts, nodesNamed, optionsOf, strings, tableOf, tableOfParts } from './sql-names.js';

type KeysOf<Union> = Union extends unknown ? keyof Union : never;
type Kind = KeysOf<Node>;
type Body<K extends Kind> = Extract<Node, Record<K, unknown>>[K];

type Judge<K extends Kind> = (body: Body<K>, known: NewObjects) => Finding[];

const fine = (): Finding[] => [];
const LATER = 'leave it to a later release, or write it as statements that are known to be harmless';

const JUDGES: { [K in Kind]?: Judge<K> } = {
  AlterTableStmt: (body, known) => judgeAlterTable(body, known),
  RenameStmt: (body, known) => judgeRename(body, known),
  DropStmt: (body, known) => judgeDrop(body, known),
  IndexStmt: (body, known) => judgeIndex(body, known),

  CreateStmt: (body, known) => {
    const temporary = body.relation?.relpersistence === 't';
    known.addTable(tableOf(body.relation), { temporary, mayBeThere: body.if_not_exists === true });
    return [];
  },
  CreateTableAsStmt: (body, known) => {
    addTarget(body.into?.rel, known, body.if_not_exists === true);
    return judgeData(body.query, known);
  },
  SelectStmt: (body, known) => {
    if (body.intoClause !== undefined) addTarget(body.intoClause.rel, known, false);
    return judgeData(body, known);
  },
  InsertStmt: (body, known) => judgeData(body, known),
  UpdateStmt: (body, known) => judgeData(body, known),
  MergeStmt: (body, known) => judgeData(body, known),
  DeleteStmt: (body, known) => judgeData({ DeleteStmt: body }, known),
  CopyStmt: (body) =>
    body.is_from === true && body.is_program !== true ? [] : [unclear('COPY out of the database', LATER)],
  CallStmt: (body) => [
    unclear(
      `CALL ${strings(body.funccall?.funcname).join('.')}, whose body is not read`,
      'write its statements',
    ),
  ],

  TruncateStmt: (body, known) =>
    liveAmong(body.relations, known).map((table) => find(REASON.empty, `rows of ${table} (TRUNCATE)`)),
  LockStmt: (body, known) =>
    liveAmong(body.relations, known).map((table) => find(REASON.lock, `table ${table} (LOCK TABLE)`)),
  VacuumStmt: (body) =>
    hasOption(body.options, 'full') ? [find(REASON.rewrite, 'tables (VACUUM FULL)')] : [],
  ClusterStmt: (body, known) =>
    body.relation !== undefined && known.hasTable(tableOf(body.relation))
      ? []
      : [find(REASON.rewrite, `table ${tableText(tableOf(body.relation))} (CLUSTER)`)],
  ReindexStmt: (body) =>
    hasOption(body.params, 'concurrently')
      ? []
      : [find(REASON.reindex, `${body.name ?? tableText(tableOf(body.relation))} (REINDEX)`)],
  RefreshMatViewStmt: (body) =>
    body.concurrent === true
      ? []
      : [find(REASON.reindex, `materialized view ${tableText(tableOf(body.relation))} (REFRESH)`)],

  AlterEnumStmt: (body) =>
    body.oldVal === undefined
      ? []
      : [find(REASON.rename, `value ${body.oldVal} of type ${strings(body.typeName).join('.')}`)],
  AlterObjectSchemaStmt: (body, known) =>
    body.relation !== undefined && known.hasTable(tableOf(body.relation))
      ? []
      : [find(REASON.rename, `${nameOf(body.relation, body.object)} (SET SCHEMA)`)],
  AlterSeqStmt: judgeSequence,
  GrantStmt: (body) => (body.is_grant === true ? [] : [find(REASON.drop, 'rights (REVOKE)')]),
  GrantRoleStmt: (body) =>
    body.is_grant === true ? [] : [find(REASON.drop, 'membership of a role (REVOKE)')],
  AlterDefaultPrivilegesStmt: (body) =>
    body.action?.is_grant === true ? [] : [find(REASON.drop, 'default rights (REVOKE)')],
  CreatePolicyStmt: (body, known) =>
    body.permissive === true || known.hasTable(tableOf(body.table))
      ? []
      : [find(REASON.rowSecurity, `policy ${body.policy_name ?? ''} on ${tableText(tableOf(body.table))}`)],
  CreateFunctionStmt: (body, known) => rememberFunction(body, known),
  VariableSetStmt: ({ name = '' }) => (isReadingSetting(name) ? [changesReading('SET')] : []),

  ViewStmt: (body, known) => rememberObject(body.replace === true, tableText(tableOf(body.view)), known),
  CreateSeqStmt: (body, known) =>
    rememberObject(body.if_not_exists === true, tableText(tableOf(body.sequence)), known),
  CreateEnumStmt: (body, known) => rememberObject(false, strings(body.typeName).join('.'), known),
  CreateRangeStmt: (body, known) => rememberObject(false, strings(body.typeName).join('.'), known),
  CreateDomainStmt: (body, known) => rememberObject(false, strings(body.domainname).join('.'), known),
  CompositeTypeStmt: (body, known) => rememberObject(false, tableText(tableOf(body.typevar)), known),
  CreateTrigStmt: (body, known) => {
    const name = `${tableText(tableOf(body.relation))}.${body.trigname ?? ''}`;
    return rememberObject(body.replace === true, name, known);
  },
  CreateSchemaStmt: (body, known) =>
    rememberObject(body.if_not_exists === true, body.schemaname ?? '', known),
  CreateExtensionStmt: fine,
  CreateStatsStmt: fine,
  CreateRoleStmt: fine,
  CreateCastStmt: fine,
  CreatePublicationStmt: fine,
  DefineStmt: fine,
  CommentStmt: fine,
  SecLabelStmt: fine,
  TransactionStmt: fine,
  NotifyStmt: fine,
  ConstraintsSetStmt: fine,
  VariableShowStmt: fine,
};

export function judgeStatement(node: Node, known: NewObjects): Finding[] {
  // a node is an object with one key: its kind
  const kind = Object.keys(node).find(isJudged);
  if (kind !== undefined) return judgeAs(kind, node, known);
  const name = Object.keys(node).join().replace('Stmt', '');
  return [unclear(`a statement of a kind that is not judged (${name})`, LATER)];
}

const isJudged = (key: string): key is Kind => Object.hasOwn(JUDGES, key);

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it is what ties the row to its kind of node
function judgeAs<K extends Kind>(kind: K, node: Node, known: NewObjects): Finding[] {
  const judge: Judge<K> | undefined = JUDGES[kind];
  return judge === undefined || !holds(node, kind) ? [] : judge(node[kind], known);
}

function holds<K extends Kind>(node: Node, kind: K): node is Extract<Node, Record<K, unknown>> {
  return kind in node;
}

function judgeIndex(body: IndexStmt, known: NewObjects): Finding[] {
  const relation = tableOf(body.relation);
  const table = tableText(relation);
  const name = body.idxname ?? `on ${table}`;
  if (body.if_not_exists !== true) known.add('index', name);
  if (known.hasTable(relation)) return [];
  const columns = columnsOfIndex(body.indexParams ?? []);
  const areNew = columns.length > 0 && columns.every((each) => known.has('column', `${table}.${each}`));
  const found: Finding[] = [];
  if (body.unique === true && !areNew) found.push(find(REASON.unique, `UNIQUE index ${name} of ${table}`));
  if (body.concurrent !== true) found.push(find(REASON.index, `index ${name} of ${table}`));
  return found;
}

function columnsOfIndex(params: readonly Node[]): string[] {
  return params.flatMap((each) => {
    if (!('IndexElem' in each)) return ['*'];
    return each.IndexElem.name === undefined ? columnsIn(each.IndexElem.expr) : [each.IndexElem.name];
  });
}

/** `OBJECT_MATVIEW` → `materialized view`. */
function kindText(kind: DropStmt['removeType']): string {
  const text = (kind ?? '').replace('OBJECT_', '').replaceAll('_', ' ').toLowerCase();
  return { matview: 'materialized view', tabconstraint: 'constraint', attribute: 'column' }[text] ?? text;
}

function judgeDrop(body: DropStmt, known: NewObjects): Finding[] {
  const kind = kindText(body.removeType);
  return (body.objects ?? []).flatMap((object) => {
    const parts = nameParts(object);
    const name = parts.join('.');
    const onTable = tableOfParts(parts.slice(0, -1));
    if (kind === 'index') {
      const last = parts.at(-1) ?? '';
      if (body.concurrent === true || known.has('index', last)) return [];
      return [find(REASON.dropIndex, `index ${name}`)];
    }
    if (kind === 'table' && known.hasTable(tableOfParts(parts))) return [];
    if (known.has('object', name)) return [];
    if (parts.length > 1 && ['trigger', 'policy', 'rule'].includes(kind) && known.hasTable(onTable))
      return [];
    return [find(REASON.drop, `${kind} ${name}`)];
  });
}

function judgeRename(body: RenameStmt, known: NewObjects): Finding[] {
  const relation = tableOf(body.relation);
  const table = tableText(relation);
  const kind = kindText(body.renameType);
  // nobody asks for an index by its name
  if (kind === 'index') return [];
  if (body.relation !== undefined && known.hasTable(relation)) {
    const name = body.newname ?? '?';
    if (kind === 'table') known.addTable({ ...relation, name }, { temporary: false, mayBeThere: false });
    return [];
  }
  if (kind === 'column' && known.has('column', `${table}.${body.subname ?? ''}`)) return [];
  const name = body.relation === undefined ? nameParts(body.object).join('.') : table;
  const part = body.subname === undefined ? '' : `${kind} ${body.subname} of `;
  const thing = part === '' && body.relation === undefined ? `${kind} ` : '';
  return [find(REASON.rename, `${part}${thing}${name} to ${body.newname ?? '?'}`)];
}

/** What a sequence may do without the live version being refused a number. */
const SEQUENCE_OPTIONS = new Set(['owned_by', 'restart', 'cache', 'maxvalue', 'start']);

function judgeSequence(body: AlterSeqStmt): Finding[] {
  const strange = (body.options ?? []).some(
    (each) => !('DefElem' in each) || !SEQUENCE_OPTIONS.has(each.DefElem.defname ?? ''),
  );
  return strange ? [unclear(`sequence ${tableText(tableOf(body.sequence))}`, LATER)] : [];
}

/** Data may be added and changed; a table may not be emptied, and what a new function does is not known. */
function judgeData(tree: unknown, known: NewObjects): Finding[] {
  const found: Finding[] = [];
  for (const each of nodesNamed(tree, 'DeleteStmt')) {
    const { relation, whereClause } = each as Body<'DeleteStmt'>;
    if (whereClause === undefined && !known.hasTable(tableOf(relation)))
      found.push(find(REASON.empty, `all rows of ${tableText(tableOf(relation))} (DELETE)`));
  }
  for (const each of nodesNamed(tree, 'FuncCall')) {
    const { funcname, args } = each as Body<'FuncCall'>;
    const name = strings(funcname).at(-1) ?? '';
    if (known.hasVolatileFunction(name))
      found.push(unclear(`a call of ${name}(), whose body is not read`, 'write its statements'));
    if (name === 'set_config' && setsReading(args?.[0])) found.push(changesReading('set_config'));
  }
  return found;
}

/** With it off, a backslash in a string hides what follows from whoever reads as PostgreSQL does by default. */
const isReadingSetting = (name: string): boolean => name.toLowerCase() === 'standard_conforming_strings';

const setsReading = (name: Node | undefined): boolean =>
  name === undefined || !('A_Const' in name) || isReadingSetting(name.A_Const.sval?.sval ?? '');

const changesReading = (how: string): Finding =>
  unclear(`${how} of standard_conforming_strings, which changes how the rest is read`, 'leave it out');

/** Functions that are neither IMMUTABLE nor STABLE may change anything once they are called. */
function rememberFunction(body: CreateFunctionStmt, known: NewObjects): Finding[] {
  const volatility = optionsOf(body.options).flatMap(({ defname, arg }) =>
    defname === 'volatility' ? nameParts(arg) : [],
  );
  const name = strings(body.funcname);
  if (!['immutable', 'stable'].includes(volatility.at(-1) ?? 'volatile'))
    known.addVolatileFunction(name.at(-1) ?? '');
  return rememberObject(body.replace === true, name.join('.'), known);
}

function rememberObject(mayBeThere: boolean, name: string, known: NewObjects): Finding[] {
  if (!mayBeThere) known.add('object', name);
  return [];
}

function liveAmong(relations: readonly Node[] | undefined, known: NewObjects): string[] {
  return (relations ?? [])
    .map((each) => tableOfParts(nameParts(each)))
    .filter((table) => !known.hasTable(table))
    .map(tableText);
}

function addTarget(relation: RangeVar | undefined, known: NewObjects, mayBeThere: boolean): void {
  known.addTable(tableOf(relation), { temporary: relation?.relpersistence === 't', mayBeThere });
}

function nameOf(relation: RangeVar | undefined, object: Node | undefined): string {
  return relation === undefined ? nameParts(object).join('.') : tableText(tableOf(relation));
}

function hasOption(options: readonly Node[] | undefined, name: string): boolean {
  return optionsOf(options).some(({ defname, arg }) => defname === name && !isOff(arg));
}

const isOff = (value: Node | undefined): boolean =>
  value !== undefined && ['false', 'off'].includes(nameParts(value)[0] ?? '');
