/** Migrations judged on their own, without a repository: the parser's thread is shared by the tests of a file. */
import { afterAll, beforeAll } from 'vitest';
import { NewObjects } from '../../activities/gates/migrations/new-objects.js';
import type { Finding, Step } from '../../activities/gates/migrations/problem.js';
import { withSqlParser, type SqlParser } from '../../activities/gates/migrations/sql-parser.js';

export function sharedParser(): () => SqlParser {
  let parser: SqlParser | null = null;
  let release: () => void = () => {};
  let ended: Promise<void> = Promise.resolve();
  beforeAll(async () => {
    const released = new Promise<void>((resolve) => (release = resolve));
    await new Promise<void>((resolve, reject) => {
      ended = withSqlParser(new AbortController().signal, async (opened) => {
        parser = opened;
        resolve();
        await released;
      });
      ended.catch(reject);
    });
  });
  afterAll(async () => {
    release();
    await ended;
  });
  return () => {
    if (parser === null) throw new Error('the parser is open only while tests run');
    return parser;
  };
}

export interface Judged extends Finding {
  line: number;
  statement: string;
}

export function judgeSteps(steps: readonly Step[], isOld: (name: string) => boolean = () => true): Judged[] {
  const known = new NewObjects(isOld);
  known.beginMigration();
  return steps.flatMap(({ line, statement, conditional, judge }) => {
    known.beginStatement({ conditional });
    return judge(known).map((finding) => ({ ...finding, line, statement }));
  });
}

/** `1 drops column orders.note`, one per finding. */
export const inShort = (judged: readonly Judged[]): string[] =>
  judged.map(({ line, fault, what }) => `${line} ${fault} ${what}`);
