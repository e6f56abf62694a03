/** `{migrations: applied}`: is the database where the migrations of this commit bring it? */
import { ApplicationFailure } from '@temporalio/common';
import type { CheckPlan } from '../../pipeline/plan.js';
import { isNewest, sayNewest } from '../database/newest-revision.js';
import { bounded } from './bounded.js';
import { failed, inconclusive, passed, type CheckOnce } from './check.js';

type MigrationsPlan = Extract<CheckPlan, { kind: 'migrations' }>;

export const askMigrationsCheck: CheckOnce<MigrationsPlan> = async (plan, context) => {
  const limits = { timeoutMs: plan.timeoutMs, signal: context.signal };
  const newest = await context.newestMigrations(plan.path ?? null);
  // a tool that exits with an error has not said where the database is
  const asking = context.databaseRevision().catch((error: unknown) => {
    if (error instanceof ApplicationFailure) return { unknown: error.message };
    throw error;
  });
  const answer = await bounded<string | { unknown: string }>(asking, {
    ...limits,
    onTimeout: () => ({ unknown: `current has not answered within ${plan.timeoutMs / 1000}s` }),
  });
  if (typeof answer !== 'string') return inconclusive(context.secrets.scrub(answer.unknown));
  if (isNewest(newest, answer)) return passed(`the database is at ${answer}, as this commit has it`);
  return failed(`the database is at ${answer}, this commit has ${sayNewest(newest)}`);
};
