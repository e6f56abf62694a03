/**
 * PostgreSQL's own grammar, in a thread of its own: a large or hostile migration neither holds up the worker nor
 * takes it down. Nothing is executed, only parsed.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { RawStmt } from 'libpg-query';

/** `at`: bytes from the start of the text. */
export interface NotParsed {
  problem: string;
  at: number;
}

export interface SqlParser {
  /** One statement after the other, made while they are asked for: all trees at once would hold up the worker. */
  parse(sql: string): Promise<Iterable<RawStmt> | NotParsed>;
  /** A DO statement → PostgreSQL's tree of its PL/pgSQL. */
  parseBlock(sql: string): Promise<{ tree: unknown } | NotParsed>;
}

interface Question {
  id: number;
  block: boolean;
  sql: string;
}

/** `trees` as JSON, or else the problem. */
interface Answer {
  id: number;
  trees?: string[];
  problem?: string;
  at?: number;
}

/** Bytes of a statement that are data, as a rule; and of a tree that is not worth waiting for. */
const LONG_STATEMENT_BYTES = 10_000;
const LARGEST_TREE_CHARACTERS = 1_000_000;

/**
 * Of a long statement of data only what is judged is handed out: calls, deletes and the table it makes. After anything
 * but a syntax error the parser's memory may be spoilt, so it is loaded again.
 */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads');
const DATA = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'MergeStmt'];

function shorten(raw) {
  const kind = Object.keys(raw.stmt)[0];
  if (!DATA.includes(kind)) return raw;
  const found = new Map();
  const open = [raw.stmt];
  while (open.length > 0) {
    const node = open.pop();
    for (const key of Object.keys(node)) {
      const value = node[key];
      if (typeof value !== 'object' || value === null) continue;
      open.push(value);
      if (key === 'FuncCall') {
        const { funcname, args = [] } = value;
        const first = args.slice(0, 1).filter((each) => 'A_Const' in each);
        found.set(JSON.stringify([funcname, first]), { FuncCall: { funcname, args: first } });
      } else if (key === 'DeleteStmt') {
        const { relation, whereClause } = value;
        found.set(JSON.stringify([relation, !whereClause]), { DeleteStmt: { relation, ...(whereClause && { whereClause: {} }) } });
      }
    }
  }
  const { intoClause } = raw.stmt[kind];
  return { ...raw, stmt: { [kind]: { ...(intoClause && { intoClause }), targetList: [...found.values()] } } };
}

function written(raw) {
  const isLong = !raw.stmt_len || raw.stmt_len > ${LONG_STATEMENT_BYTES};
  const json = JSON.stringify(raw);
  if (!isLong || json.length <= ${LONG_STATEMENT_BYTES}) return json;
  const short = JSON.stringify(shorten(raw));
  return short.length <= ${LARGEST_TREE_CHARACTERS} ? short : JSON.stringify({ ...raw, stmt: { TooLong: {} } });
}

parentPort.on('message', async ({ id, block, sql }) => {
  try {
    const parser = require(workerData);
    const trees = block
      ? [JSON.stringify(await parser.parsePlPgSQL(sql))]
      : ((await parser.parse(sql)).stmts ?? []).map(written);
    if (block && trees[0].length > ${LARGEST_TREE_CHARACTERS}) throw new Error('it is too long');
    parentPort.postMessage({ id, trees });
  } catch (error) {
    if (error.name !== 'SqlError') for (const key of Object.keys(require.cache)) delete require.cache[key];
    const at = Math.max(0, error.sqlDetails?.cursorPosition ?? 0);
    parentPort.postMessage({ id, problem: String(error.message), at });
  }
});`;

/** The worst that fits into the largest migration needs less than half of it. */
const HEAP_MB = 1024;
const PACKAGE = createRequire(import.meta.url).resolve('libpg-query');

/** The parser is there while `work` runs; its thread is gone afterwards, and at once when the signal aborts. */
export async function withSqlParser<T>(
  signal: AbortSignal,
  work: (parser: SqlParser) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const thread = new Worker(THREAD, {
    eval: true,
    workerData: PACKAGE,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    execArgv: [],
    env: {},
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  thread.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  // out of memory is an error first, then the end
  thread.on('error', () => {});
  const exited = new Promise<void>((resolve) => thread.on('exit', () => resolve()));
  const died = exited.then((): Answer => {
    signal.throwIfAborted();
    return { id: 0, problem: 'its parser ran out of memory' };
  });
  died.catch(() => {});
  let asked = 0;
  const ask = async (block: boolean, sql: string): Promise<Answer> => {
    // its C strings end at NUL: what comes after would not be seen
    if (sql.includes('\0'))
      return { id: 0, problem: 'it has a NUL character', at: Buffer.byteLength(sql.split('\0')[0] ?? '') };
    const id = ++asked;
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread.postMessage({ id, block, sql } satisfies Question);
    return await Promise.race([answered, died]);
  };
  const stop = (): void => void thread.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work({
      async parse(sql) {
        if (sql === '') return [];
        const answer = await ask(false, sql);
        return answer.trees === undefined ? notParsed(answer) : statementsOf(answer.trees);
      },
      async parseBlock(sql) {
        const answer = await ask(true, sql);
        const [json] = answer.trees ?? [];
        return json === undefined ? notParsed(answer) : { tree: JSON.parse(json) };
      },
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await thread.terminate();
  }
}

function* statementsOf(trees: readonly string[]): Generator<RawStmt> {
  for (const json of trees) {
    const raw: RawStmt = JSON.parse(json);
    yield raw;
  }
}

function notParsed({ problem = 'no answer', at = 0 }: Answer): NotParsed {
  return { problem, at };
}
