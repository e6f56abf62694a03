/**
 * The steps on an environment's database. The release before runs on the new state of it while this one is deployed, so
 * that is also the order of the way back: first the release before, then its database.
 */
import { CancellationScope } from '@temporalio/workflow';
import type { UndoResult } from './activity-contract.js';
import { perform } from './activity-options.js';
import { targetOnAll, type ChangeRun } from './change-run.js';
import type { StepOutcome } from './step-outcome.js';
import { calling, passed, tellEnvironment, type Surroundings } from './step.js';
import { asLive } from './target-hosts.js';

export async function backup(run: ChangeRun): Promise<StepOutcome> {
  run.backup = await perform('backupDatabase', { target: run.target }, calling(run));
  return passed(run.backup.note);
}

/** Where it was is asked for once: a second try finds what the first has left. */
export async function migrate(run: ChangeRun, around: Surroundings): Promise<StepOutcome> {
  const { target } = run;
  if (run.database === null) {
    const before = await perform('readDatabase', { target }, calling(run, 'where it is'));
    run.database = { before, after: null };
    await tellEnvironment(run, false, around);
  }
  const { before } = run.database;
  const { after, note } = await perform('migrateDatabase', { target, before }, calling(run));
  run.database = { before, after };
  return passed(note);
}

export async function undoMigrate(run: ChangeRun): Promise<UndoResult> {
  if (run.database === null) return { outcome: 'never-ran', note: 'never ran' };
  const input = { target: targetOnAll(run), ...run.database };
  return await perform('revertDatabase', input, { ...calling(run, 'undo'), insist: true, priority: 1 });
}

/** With the migrations of what serves, also where the colour of the release before was just retired. */
export async function contract(run: ChangeRun): Promise<StepOutcome> {
  const { live, request } = run.input;
  const target = request.kind === 'retire' && live !== null ? asLive(run.target, live) : run.target;
  // half of it helps nobody, and there is no way back from here
  const { note } = await CancellationScope.nonCancellable(() =>
    perform('contractDatabase', { target }, calling(run)),
  );
  return passed(note);
}
