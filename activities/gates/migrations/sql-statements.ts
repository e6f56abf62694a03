/** SQL → its statements, those inside DO blocks too. What cannot be read is said in its place, never left out. */
import { setImmediate } from 'node:timers/promises';
import type { DoStmt, Node, RawStmt } from 'libpg-query';
import { judgeStatement } from './judge-statement.js';
import { beginning, unclear, type Step } from './problem.js';
import { isRecord, optionsOf } from './sql-names.js';
import type { NotParsed, SqlParser } from './sql-parser.js';
import { lineFinder, type SqlText } from './sql-text.js';

/** After so long the worker may do something else. */
const TURN_MS = 20;

export async function readStatements(parser: SqlParser, sql: SqlText): Promise<Step[]> {
  const lineAt = lineFinder(sql);
  const answer = await parser.parse(sql.text);
  if ('problem' in answer) return [notRead(answer, sql.text, lineAt)];
  const bytes = Buffer.from(sql.text);
  const read: Step[] = [];
  let sinceMs = performance.now();
  for (const raw of answer) {
    if (performance.now() - sinceMs > TURN_MS) {
      await setImmediate();
      sinceMs = performance.now();
    }
    const { node, text, at } = cut(raw, bytes);
    if (node === null) continue;
    const line = lineAt(at);
    if ('DoStmt' in node) read.push(...(await readBlock(parser, node.DoStmt, text, line)));
    else
      read.push({
        line,
        statement: beginning(text),
        conditional: false,
        judge: (known) => judgeStatement(node, known),
      });
  }
  return read;
}

function cut(raw: RawStmt, bytes: Buffer): { node: Node | null; text: string; at: number } {
  const at = raw.stmt_location ?? 0;
  const length = raw.stmt_len ?? 0;
  const text = bytes.subarray(at, length === 0 ? bytes.length : at + length).toString('utf8');
  return { node: raw.stmt ?? null, text, at };
}

function notRead({ problem, at }: NotParsed, text: string, lineAt: (at: number) => number): Step {
  const rest = Buffer.from(text).subarray(at).toString('utf8');
  const what = `SQL that PostgreSQL's grammar refuses (${problem})`;
  return {
    line: lineAt(at),
    statement: beginning(rest),
    conditional: false,
    judge: () => [unclear(what, 'correct it, and keep what is not SQL out of the file')],
  };
}

/** Lines inside a block are counted from where its body begins. */
async function readBlock(parser: SqlParser, block: DoStmt, text: string, line: number): Promise<Step[]> {
  const say = (what: string, at = line): Step => ({
    line: at,
    statement: beginning(text),
    conditional: true,
    judge: () => [unclear(what, 'write its statements plainly, outside of the block')],
  });
  const language = optionOf(block, 'language');
  if (language !== null && language !== 'plpgsql') return [say(`a block in ${language}`)];
  const answer = await parser.parseBlock(text);
  if ('problem' in answer) return [say(`a block that PL/pgSQL refuses: ${answer.problem}`)];
  const bodyAt = text.indexOf(optionOf(block, 'as') ?? '');
  const bodyLine = line + text.slice(0, Math.max(0, bodyAt)).split('\n').length - 1;
  const read: Step[] = [];
  for (const { sql, lineInBody, dynamic } of embedded(answer.tree)) {
    const at = bodyLine + lineInBody - 1;
    const plain = dynamic ? await constantOf(parser, sql) : sql;
    if (plain === null) read.push(say(`EXECUTE ${beginning(sql)}, put together while it runs`, at));
    else read.push(...(await readInside(parser, plain, at, text)));
  }
  return read;
}

async function readInside(parser: SqlParser, sql: string, line: number, block: string): Promise<Step[]> {
  const found = await readStatements(parser, { text: sql, pieces: [{ at: 0, line, verbatim: false }] });
  return found.map((each) => ({ ...each, statement: each.statement || beginning(block), conditional: true }));
}

function optionOf(block: DoStmt, name: string): string | null {
  const arg = optionsOf(block.args).find(({ defname }) => defname === name)?.arg;
  return arg !== undefined && 'String' in arg ? (arg.String.sval ?? '') : null;
}

interface Embedded {
  sql: string;
  lineInBody: number;
  /** The expression after EXECUTE: its value is the SQL. */
  dynamic: boolean;
}

/** How PL/pgSQL reads an expression: 0 = a statement, 2 = an expression, more = `target := expression`. */
const PARSE_STATEMENT = 0;
const PARSE_EXPRESSION = 2;
const DYNAMIC = /dyn/;

function embedded(tree: unknown): Embedded[] {
  const found: Embedded[] = [];
  const walk = (node: unknown, lineInBody: number, dynamic: boolean): void => {
    if (Array.isArray(node)) for (const each of node) walk(each, lineInBody, dynamic);
    if (!isRecord(node)) return;
    const own = typeof node['lineno'] === 'number' ? node['lineno'] : lineInBody;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'PLpgSQL_expr' && isRecord(value) && typeof value['query'] === 'string')
        found.push(expression(value['query'], value['parseMode'], own, dynamic));
      // the body of a loop over a dynamic query is not dynamic itself
      else walk(value, own, key === 'body' || key === 'params' ? false : dynamic || DYNAMIC.test(key));
    }
  };
  walk(tree, 1, false);
  return found;
}

function expression(query: string, mode: unknown, lineInBody: number, dynamic: boolean): Embedded {
  if (dynamic || mode === PARSE_STATEMENT || mode === undefined) return { sql: query, lineInBody, dynamic };
  const value = mode === PARSE_EXPRESSION ? query : query.replace(/^[^=]*?:?=/, '');
  return { sql: `SELECT ${value}`, lineInBody, dynamic };
}

/** `'drop table x'` → `drop table x`; null for what is not one plain string. */
async function constantOf(parser: SqlParser, sql: string): Promise<string | null> {
  const answer = await parser.parse(`SELECT ${sql}`);
  if ('problem' in answer) return null;
  const [first, second] = [...answer];
  const select = first?.stmt;
  if (second !== undefined || select === undefined || !('SelectStmt' in select)) return null;
  const { targetList = [], fromClause } = select.SelectStmt;
  const [target] = targetList;
  if (fromClause !== undefined || targetList.length !== 1 || target === undefined) return null;
  const value = 'ResTarget' in target ? target.ResTarget.val : undefined;
  return value !== undefined && 'A_Const' in value ? (value.A_Const.sval?.sval ?? null) : null;
}
