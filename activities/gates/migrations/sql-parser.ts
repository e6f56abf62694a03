/**
 * PostgreSQL's own grammar, in a thread of its own: a large or hostile migration neither holds up the worker nor
 * takes it down. Nothing is executed, only parsed.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ParseResult } from 'libpg-query';

/** `at`: bytes from the start of the text. */
export interface NotParsed {
  problem: string;
  at: number;
}

export interface SqlParser {
  parse(sql: string): Promise<ParseResult | NotParsed>;
  /** A DO statement → PostgreSQL's tree of its PL/pgSQL. */
  parseBlock(sql: string): Promise<{ tree: unknown } | NotParsed>;
}

interface Question {
  id: number;
  block: boolean;
  sql: string;
}

/** `parsed` or `block`, or else the problem. */
interface Answer {
  id: number;
  parsed?: ParseResult;
  block?: unknown;
  problem?: string;
  at?: number;
}

/** After anything but a syntax error the parser's memory may be spoilt, so it is loaded again. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads');
parentPort.on('message', async ({ id, block, sql }) => {
  try {
    const parser = require(workerData);
    if (block) parentPort.postMessage({ id, block: await parser.parsePlPgSQL(sql) });
    else parentPort.postMessage({ id, parsed: await parser.parse(sql) });
  } catch (error) {
    if (error.name !== 'SqlError') for (const key of Object.keys(require.cache)) delete require.cache[key];
    const at = Math.max(0, error.sqlDetails?.cursorPosition ?? 0);
    parentPort.postMessage({ id, problem: String(error.message), at });
  }
});`;

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
  const died = once(thread, 'exit').then(() => {
    throw new Error('the SQL parser ended in the middle');
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
        if (sql === '') return { version: 0, stmts: [] };
        const answer = await ask(false, sql);
        return answer.parsed ?? notParsed(answer);
      },
      async parseBlock(sql) {
        const answer = await ask(true, sql);
        return answer.block === undefined ? notParsed(answer) : { tree: answer.block };
      },
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await thread.terminate();
  }
}

function notParsed({ problem = 'no answer', at = 0 }: Answer): NotParsed {
  return { problem, at };
}
