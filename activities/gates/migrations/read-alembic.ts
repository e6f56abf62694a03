/**
 * An Alembic file → its steps. Every call on the way up is one that is known, or is said to be unreadable: helpers of
 * other modules, SQL put together while it runs, `op` under another name.
 */
import { BUILT_IN, isReadable, readAlembicCode, type AlembicCode } from './alembic-code.js';
import { judgeOperation } from './alembic-operations.js';
import { beginning, find, REASON, unclear, type Finding, type Step } from './problem.js';
import {
  calledName,
  childrenOf,
  lineOf,
  nameOf,
  nodesIn,
  readCall,
  resolve,
  staticText,
  textOf,
  type PythonCall,
  type PythonFile,
  type PythonNode,
} from './python-source.js';
import type { SqlParser } from './sql-parser.js';
import { readStatements } from './sql-statements.js';
import type { SqlText } from './sql-text.js';

const PLAIN_SQL = 'write the SQL as one plain string';
const RUNS_SQL = new Set(['execute', 'exec_driver_sql', 'executemany', 'scalar', 'scalars']);
const DROPS = new Set(['drop', 'drop_all']);

/** null = no migration: it has no `upgrade()`. */
export async function readAlembic(parser: SqlParser, file: PythonFile): Promise<Step[] | null> {
  if (file.errorAt !== null) {
    const what = "text that Python's grammar refuses";
    return [stepAt(file, file.errorAt, textFrom(file, file.errorAt), () => [unclear(what, 'correct it')])];
  }
  const code = readAlembicCode(file);
  if (code === null) return null;
  const steps: Step[] = [];
  for (const root of code.roots)
    for (const node of nodesIn(root)) {
      if (node.name === 'CallExpression') steps.push(...(await readOneCall(parser, file, code, node)));
      const hidden = node.name === 'VariableName' ? hiddenOp(file, code, node) : null;
      if (hidden !== null) steps.push(stepAt(file, node.from, lineText(file, node), () => [hidden]));
    }
  return steps;
}

async function readOneCall(
  parser: SqlParser,
  file: PythonFile,
  code: AlembicCode,
  node: PythonNode,
): Promise<Step[]> {
  const call = readCall(file, node);
  const name = call.path.at(-1) ?? null;
  const say = (...findings: Finding[]): Step[] => [
    stepAt(file, node.from, textOf(file, node), () => findings, isConditional(file, node)),
  ];
  const isOp = isOfAlembic(code, call);
  if (name !== null && RUNS_SQL.has(name)) return await readExecution(parser, file, call, say);
  if (isOp && name !== null) {
    if (name === 'batch_alter_table' && batchName(node) === null)
      return say(unclear('op.batch_alter_table outside of with … as', 'write it as with … as batch_op'));
    return [operationStep(file, call, name, null)];
  }
  const batch = call.root === null || call.path.length !== 1 ? null : findBatch(file, code, node, call.root);
  if (batch !== null && name !== null) return [operationStep(file, call, name, batch)];
  if (name !== null && DROPS.has(name)) return say(find(REASON.drop, beginning(textOf(file, node))));
  return isKnown(file, code, call)
    ? []
    : say(
        unclear(
          `a call of ${beginning(textOf(file, node)).split('(')[0] ?? ''}, which is not in this file`,
          'write its operations into the migration',
        ),
      );
}

function operationStep(file: PythonFile, call: PythonCall, name: string, batch: PythonCall | null): Step {
  const table = batch === null ? null : (batch.positional[0] ?? batch.keywords.get('table_name') ?? null);
  const operation = { file, name, call, batch: table, batchSchema: batch?.keywords.get('schema') ?? null };
  return stepAt(
    file,
    call.node.from,
    textOf(file, call.node),
    (known) => judgeOperation(operation, known),
    isConditional(file, call.node),
  );
}

/** `op.execute("…")`, `connection.execute(sa.text("…"))`: the string is judged as SQL. */
async function readExecution(
  parser: SqlParser,
  file: PythonFile,
  call: PythonCall,
  say: (...findings: Finding[]) => Step[],
): Promise<Step[]> {
  const keyword = ['sqltext', 'statement']
    .map((each) => call.keywords.get(each))
    .find((each) => each !== undefined);
  const argument = call.positional[0] ?? keyword;
  if (call.spread) return say(unclear('SQL that is not written out', PLAIN_SQL));
  if (argument === undefined) return [];
  const sql = sqlOf(file, argument);
  if (sql === null) return say(...judgeExpression(file, argument));
  const conditional = isConditional(file, call.node);
  const steps = await readStatements(parser, withoutParameters(sql));
  return steps.map((step) => ({ ...step, conditional: step.conditional || conditional }));
}

/** The text of `"…"`, `sa.text("…")`, `text("…").bindparams(…)`; null = none that stands there. */
function sqlOf(file: PythonFile, expression: PythonNode): SqlText | null {
  let node = resolve(file, expression);
  for (let steps = 0; node.name === 'CallExpression' && steps < 20; steps++) {
    const call = readCall(file, node);
    const [first] = call.positional;
    const name = calledName(call) ?? '';
    if (['text', 'DDL'].includes(name) && first !== undefined) node = resolve(file, first);
    else if (['bindparams', 'execution_options'].includes(name)) {
      const inner = childrenOf(node)[0]?.firstChild;
      if (inner === null || inner === undefined) return null;
      node = resolve(file, inner);
    } else return null;
  }
  return staticText(file, node);
}

/** SQLAlchemy's own expressions can change rows, never tables. */
function judgeExpression(file: PythonFile, expression: PythonNode): Finding[] {
  const names = chainOf(file, resolve(file, expression));
  if (names.includes('delete') && !names.some((name) => ['where', 'filter', 'filter_by'].includes(name)))
    return [find(REASON.empty, `rows (${beginning(textOf(file, expression))})`)];
  if (names.some((name) => ['insert', 'update', 'select', 'delete'].includes(name))) return [];
  return [unclear('SQL that is put together while it runs', PLAIN_SQL)];
}

/** `sa.update(t).where(…).values(…)` → values, where, update. */
function chainOf(file: PythonFile, expression: PythonNode): string[] {
  const names: string[] = [];
  let node: PythonNode | null = expression;
  while (node !== null && (node.name === 'CallExpression' || node.name === 'MemberExpression')) {
    if (node.name === 'CallExpression') names.push(calledName(readCall(file, node)) ?? '');
    node = node.firstChild;
  }
  return names;
}

/** SQLAlchemy's `:name` becomes PostgreSQL's `$1`, without moving what follows. */
function withoutParameters(sql: SqlText): SqlText {
  const text = sql.text.replaceAll(/(?<![:\w\\]):([a-z_]\w*)(?!:)/gi, (all) => '$1'.padEnd(all.length));
  return { ...sql, text };
}

function isOfAlembic(code: AlembicCode, { root, path }: PythonCall): boolean {
  if (root === null || !code.ops.has(root)) return false;
  return root !== 'alembic' || path[0] === 'op';
}

/** Alembic's `op` other than as `op.name(…)`: under another name it could do anything. */
function hiddenOp(file: PythonFile, code: AlembicCode, node: PythonNode): Finding | null {
  const name = nameOf(file, node);
  const isBatch = findBatch(file, code, node, name) !== null;
  if (!code.ops.has(name) && !isBatch) return null;
  if (node.parent?.name === 'WithStatement') return null;
  // a keyword of the same name
  if (node.parent?.name === 'ArgList' && node.nextSibling?.name === 'AssignOp') return null;
  let outer = node.parent;
  let inner = node;
  while (
    outer?.name === 'MemberExpression' &&
    outer.firstChild?.from === inner.from &&
    outer.lastChild?.name === 'PropertyName'
  ) {
    inner = outer;
    outer = outer.parent;
  }
  if (
    inner.name === 'MemberExpression' &&
    outer?.name === 'CallExpression' &&
    outer.firstChild?.to === inner.to
  )
    return null;
  return unclear(`${name} used other than as ${name}.operation(…)`, 'call its operations by their names');
}

/** The `with op.batch_alter_table(…) as <name>` around the node. */
function findBatch(file: PythonFile, code: AlembicCode, node: PythonNode, name: string): PythonCall | null {
  for (let outer = node.parent; outer !== null; outer = outer.parent) {
    if (outer.name !== 'WithStatement') continue;
    for (const part of childrenOf(outer)) {
      if (part.name !== 'CallExpression') continue;
      const call = readCall(file, part);
      const target = batchName(part);
      if (target === null || nameOf(file, target) !== name) continue;
      if (isOfAlembic(code, call) && call.path.at(-1) === 'batch_alter_table') return call;
    }
  }
  return null;
}

/** The name after `as`. */
function batchName(call: PythonNode): PythonNode | null {
  const next = call.nextSibling;
  const isNamed = call.parent?.name === 'WithStatement' && next?.name === 'as';
  return isNamed && next.nextSibling?.name === 'VariableName' ? next.nextSibling : null;
}

/** What the call does is in this file, or it does nothing to the database. */
function isKnown(file: PythonFile, code: AlembicCode, call: PythonCall): boolean {
  const { root, path, node } = call;
  if (root === null) return path.length > 0;
  const module = code.imports.get(root);
  if (module !== undefined) return isReadable(module) || isPartOfColumn(file, node);
  if (path.length > 0) return !['builtins', '__builtins__'].includes(root);
  return code.own.has(root) || BUILT_IN.has(root) || isPartOfColumn(file, node);
}

/** A team's own column type: `sa.Column('id', shop.types.Guid())`. */
function isPartOfColumn(file: PythonFile, node: PythonNode): boolean {
  for (let outer = node.parent; outer !== null; outer = outer.parent) {
    if (outer.name !== 'CallExpression') continue;
    const name = calledName(readCall(file, outer)) ?? '';
    if (['Column', 'column', 'alter_column'].includes(name)) return true;
  }
  return false;
}

const CONDITIONS = new Set([
  'IfStatement',
  'ForStatement',
  'WhileStatement',
  'TryStatement',
  'MatchStatement',
  'ConditionalExpression',
  'BinaryExpression',
  'LambdaExpression',
]);

function isConditional(file: PythonFile, node: PythonNode): boolean {
  for (let outer = node.parent; outer !== null; outer = outer.parent) {
    if (CONDITIONS.has(outer.name)) return true;
    // who calls it may do so on a condition
    if (
      outer.name === 'FunctionDefinition' &&
      !/^(async\s+)?def\s+upgrade\b/.test(textFrom(file, outer.from))
    )
      return true;
  }
  return false;
}

function stepAt(file: PythonFile, at: number, text: string, judge: Step['judge'], conditional = false): Step {
  return { line: lineOf(file, at), statement: beginning(text), conditional, judge };
}

const textFrom = (file: PythonFile, at: number): string => file.text.slice(at, at + 400);

function lineText(file: PythonFile, node: PythonNode): string {
  const from = file.text.lastIndexOf('\n', node.from - 1) + 1;
  return textFrom(file, from).split('\n')[0] ?? '';
}
