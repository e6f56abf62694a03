/** `{migrations: applied}`: is the database where the migrations of this commit bring it? */
import { ApplicationFailure } from '@temporalio/common';
import type { CheckPlan } from '../../pipeline/plan.js';
import { isNewest, sayNewest } from '../database/newest-revision.js';
import { readRevision } from '../database/revision.js';
import { bounded } from './bounded.js';
import { failed, inconclusive, passed, type CheckContext, type CheckOnce } from './check.js';
import { runOnCommit, TAIL_CHARACTERS } from './run.js';

type MigrationsPlan = Extract<CheckPlan, { kind: 'migrations' }>;

type Answer = string | { unknown: string };

export const askMigrationsCheck: CheckOnce<MigrationsPlan> = async (plan, context) => {
  const newest = await context.newestMigrations(plan.path ?? null);
  const answer = await (plan.current === undefined
    ? askEnvironment(plan, context)
    : askTool(plan, plan.current, context));
  if (typeof answer !== 'string') return inconclusive(context.secrets.scrub(answer.unknown));
  if (isNewest(newest, answer)) return passed(`the database is at ${answer}, as this commit has it`);
  return failed(`the database is at ${answer}, this commit has ${sayNewest(newest)}`);
};

/** What its `current` says. */
async function askEnvironment({ timeoutMs }: MigrationsPlan, context: CheckContext): Promise<Answer> {
  // a tool that exits with an error has not said where the database is
  const asking = context.databaseRevision().catch((error: unknown) => {
    if (error instanceof ApplicationFailure) return { unknown: error.message };
    throw error;
  });
  return await bounded<Answer>(asking, {
    ...{ timeoutMs, signal: context.signal },
    onTimeout: () => ({ unknown: `current has not answered within ${timeoutMs / 1000}s` }),
  });
}

async function askTool(plan: MigrationsPlan, command: string, context: CheckContext): Promise<Answer> {
  const { exitCode, timedOut, stdout, tail } = await runOnCommit(plan, command, context, context.env);
  if (exitCode === 0) return readRevision(stdout);
  const ended = timedOut
    ? `has not answered within ${plan.timeoutMs / 1000}s`
    : `exited ${exitCode ?? 'by a signal'}`;
  return { unknown: `${command} on the worker ${ended}: ${tail.trim().slice(-TAIL_CHARACTERS)}` };
}
