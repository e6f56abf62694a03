/**
 * What `slipway rollback` does to a database: it takes back what the releases that are left have migrated where the one
 * that comes back cannot live with it, or, by a person's word only, restores a backup. From there is no way back.
 */
import { patched } from '@temporalio/workflow';
import type { Target } from './activity-contract.js';
import { perform } from './activity-options.js';
import { recordOf, type ChangeRun } from './change-run.js';
import type { BackupRecord } from './database-state.js';
import type { RestoreInput } from './database-contract.js';
import type { Rewinding } from './messages.js';
import { sayBackup } from './database-way.js';
import type { ReleaseRecord } from './result.js';
import type { StepOutcome } from './step-outcome.js';
import { calling, passed, tellEnvironment, type Surroundings } from './step.js';
import { asLive } from './target-hosts.js';

/** Those of a release, without what goes forward only; a release that runs already is not deployed again. */
export function stepsOfRollback({ input: { request, live }, warm }: ChangeRun): string[] {
  const { plan, databaseWay, restore } = request;
  const goesForward = databaseWay?.way === 'forward' && restore === undefined;
  const leftOut = ['bake', 'contract', ...(goesForward ? [] : ['backup', 'database'])];
  const steps = warm ? ['switch', 'verify', 'settle'] : plan.steps.filter((step) => !leftOut.includes(step));
  if (restore !== undefined)
    return steps.flatMap((step) => (step === 'deploy' ? ['readBackup', 'restore', step] : [step]));
  if (databaseWay?.way !== 'back' || live?.plan.database?.revert == null) return steps;
  return steps.flatMap((step) => (step === 'settle' ? ['revert', step] : [step]));
}

/** From here on what was before is gone, so nobody takes it for what is there. */
export function isRewinding(step: string): step is Rewinding {
  return step === 'restore' || step === 'revert';
}

/** Before anything is touched. */
export async function readBackup(run: ChangeRun): Promise<StepOutcome> {
  const input = restoring(run);
  const { note } = await perform('readBackup', input, calling(run, sayBackup(input.backup)));
  return passed(note);
}

export async function restore(run: ChangeRun, around: Surroundings): Promise<StepOutcome> {
  const input = restoring(run);
  await tellEnvironment(run, run.switched, around);
  around.say(`stopping ${input.target.version}`);
  const stopped = await perform('stopWriters', input, calling(run, `${input.target.version} stops`));
  run.stopped = stopped.note;
  around.say(`restoring the database from ${sayBackup(input.backup)}`);
  const { note } = await perform('restoreDatabase', input, calling(run, sayBackup(input.backup)));
  return passed(`${note}; ${stopped.note}`);
}

/** The release that comes back serves: it has run on the new state, and what is left never ran on the old one. */
export async function revert(run: ChangeRun, around: Surroundings): Promise<StepOutcome> {
  const { live, request } = run.input;
  const before = request.databaseWay?.to ?? null;
  const after = live?.database ?? null;
  if (live === null || before === null || after === null) return passed('stays as it is');
  await tellEnvironment(run, run.switched, around);
  const input = { target: leaving(run, live, run.target.colour), before, after, settled: true as const };
  const { note } = await perform('revertDatabase', input, calling(run, `to ${before.revision ?? ''}`));
  return passed(note);
}

/** Where the database is when a rollback has come to its end: a later one goes by that. null = nobody asked. */
export async function noteDatabase(run: ChangeRun): Promise<string | null> {
  const { target } = run;
  const isAsked = run.input.request.kind === 'rollback' && target.plan.database?.current != null;
  if (!isAsked || run.database !== null || !patched('rollbacks-note-the-database')) return null;
  run.foundDatabase = await perform('readDatabase', { target }, calling(run, 'where the database is'));
  return `database at ${run.foundDatabase.revision ?? 'nobody knows where'}`;
}

function restoring(run: ChangeRun): RestoreInput {
  const { live, request } = run.input;
  if (live === null || request.restore === undefined) throw new Error('nothing was said to be restored');
  const backup: BackupRecord = request.restore;
  const apart = run.apart.map(({ host }) => host);
  const asked = { target: leaving(run, live, live.colour), backup, prior: run.prior };
  return apart.length === 0 ? asked : { ...asked, apart };
}

/** What is left, with its own commands; `colour` is the one whose containers and folder they find. */
function leaving(run: ChangeRun, live: ReleaseRecord, colour: ReleaseRecord['colour']): Target {
  const comesBack = { ...recordOf(run, live.at), colour };
  return { ...asLive(run.target, live), live: comesBack };
}
