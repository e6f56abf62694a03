/** The steps of a change on its environment's database. The team's own commands know how; this knows when, and whether it worked. */
import { isOnWorker } from '../../pipeline/places-of-plan.js';
import type { DatabasePlan } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { Activities, Target, UndoResult } from '../../workflows/activity-contract.js';
import type { RestoreInput, RevertInput } from '../../workflows/database-contract.js';
import type { BackupRecord } from '../../workflows/database-state.js';
import { isExpandOnly, refuseHostOfBackup, sayBackup } from '../../workflows/database-way.js';
import { foreignHand, refused } from '../failure.js';
import { placeOf } from '../platforms/host-question.js';
import { LOOKING, openPlatform, placesOf, type PlatformDependencies } from '../platforms/open-platform.js';
import type { PlatformContext } from '../platforms/platform.js';
import { stoppable } from '../platforms/stoppable.js';
import { askRevision, endOneOff, runOnDatabase } from './database-command.js';

export type DatabaseActivities = Pick<
  Activities,
  | 'readDatabase'
  | 'backupDatabase'
  | 'migrateDatabase'
  | 'contractDatabase'
  | 'revertDatabase'
  | 'readBackup'
  | 'restoreDatabase'
>;

interface Opened {
  context: PlatformContext;
  database: DatabasePlan;
}

export function createDatabaseActivities(dependencies: PlatformDependencies): DatabaseActivities {
  const on = <T>(
    target: Target,
    way: 'forward' | 'back' | null,
    work: (opened: Opened) => Promise<T>,
    placeFor: () => HostPlan | undefined = () => placesOf(target)[0],
  ): Promise<T> =>
    stoppable(async (manners) => {
      const { database } = target.plan;
      const place = placeFor();
      if (database === null || place === undefined)
        throw new Error(`${target.plan.name} has no ${database === null ? 'database' : 'host'} in its plan`);
      const how = way === null ? manners : { ...manners, way };
      const { context } = await openPlatform(dependencies, target, place, how);
      // nothing of this change that lost its worker runs beside it; an earlier try of this very step does
      if (way !== null) await context.host.claim(context.fence, context.operationId('*'));
      return await work({ context, database });
    });

  return {
    readDatabase: ({ target }) =>
      on(target, null, async ({ context, database }) => ({ revision: await revisionOf(context, database) })),

    backupDatabase: ({ target }) =>
      on(target, 'forward', async ({ context, database }) => {
        const name = nameOfBackup(target);
        const command = commandOf(target, database, 'backup');
        const at = new Date().toISOString();
        await runOnDatabase(context, 'backup', command, { given: { backup: name } });
        const made = isOnWorker(target.plan) ? { name } : { name, host: context.host.name };
        return { ...made, at, ...(await proven(context, database, made)) };
      }),

    readBackup: ({ target, backup, apart = [] }) =>
      on(
        target,
        'forward',
        async ({ context, database }) => {
          commandOf(target, database, 'restore');
          const { name } = target.plan;
          const wayOut = `correct what it says, then roll back again: slipway rollback ${name} ${comesBackOf(target)} --restore-database`;
          return { note: (await proven(context, database, backup, wayOut)).note };
        },
        () => placeOfBackup({ target, backup, apart }),
      ),

    // also where its host was left out since: it is nowhere else, and what was live has stopped
    restoreDatabase: ({ target, backup }) =>
      on(
        target,
        'forward',
        async ({ context, database }) => {
          const command = commandOf(target, database, 'restore');
          const wayOut = `mend it, then slipway retry ${target.plan.name}: it is restored again from the beginning`;
          await runOnDatabase(context, 'restore', command, { given: { backup: backup.name }, wayOut });
          return { note: `restored from ${sayBackup(backup)}` };
        },
        () => placeOfBackup({ target, backup, apart: [] }),
      ),

    migrateDatabase: ({ target, before }) =>
      on(target, 'forward', async ({ context, database }) => {
        const command = commandOf(target, database, 'migrate');
        const said = await runOnDatabase(context, 'migrate', command);
        const revision = await revisionOf(context, database);
        if (revision === null)
          return { after: { revision }, note: said === '' ? 'migrated' : `migrated: ${said}` };
        const note =
          revision === before.revision ? `nothing to do at ${revision}` : `${before.revision} to ${revision}`;
        return { after: { revision }, note };
      }),

    contractDatabase: ({ target }) =>
      on(target, 'forward', async ({ context, database }) => {
        if (database.contract === undefined) return { note: 'nothing to take away' };
        const said = await runOnDatabase(context, 'contract', database.contract);
        return { note: said === '' ? 'done' : said };
      }),

    revertDatabase: (input) =>
      on(input.target, 'back', async ({ context, database }) => {
        await endOneOff(context);
        return await revert(context, database, input);
      }),
  };
}

/** For checks. Throws what asking throws. */
export function createDatabaseRevision(
  dependencies: PlatformDependencies,
): (target: Target) => Promise<string> {
  return async (target) => {
    const current = target.plan.database?.current ?? null;
    const [place] = placesOf(target);
    if (current === null || place === undefined)
      throw new Error(`${target.plan.name} has no current command that says where its database is`);
    const { context } = await openPlatform(dependencies, target, place, LOOKING);
    return await askRevision(context, current);
  };
}

/** The step runs only where the plan has it. */
function commandOf({ plan }: Target, database: DatabasePlan, step: 'backup' | 'restore' | 'migrate'): string {
  const command = database[step];
  if (command === null) throw new Error(`${plan.name} has no ${step} command`);
  return command;
}

/** Where it was made; one that says no host, where every command runs. Throws Refused before anything is asked. */
function placeOfBackup({
  target,
  backup,
  apart,
}: Required<Pick<RestoreInput, 'target' | 'backup' | 'apart'>>): HostPlan | undefined {
  const places = placesOf(target);
  const asked = { plan: target.plan, hosts: places, apart, comesBack: comesBackOf(target) };
  const refusal = refuseHostOfBackup(backup, asked);
  if (refusal !== null) throw refused(refusal);
  return backup.host === undefined ? places[0] : places.find(({ name }) => name === backup.host);
}

function comesBackOf({ live }: Target): string {
  return live?.version ?? 'VERSION';
}

/** Exits 0 when it can be read back; without the command nobody looks. */
async function proven(
  context: PlatformContext,
  { prove }: DatabasePlan,
  backup: Pick<BackupRecord, 'name' | 'host'>,
  wayOut?: string,
): Promise<{ proven: boolean; note: string }> {
  const said = sayBackup(backup);
  if (prove === undefined) return { proven: false, note: `${said}, which nobody has read back` };
  const given = { backup: backup.name };
  await runOnDatabase(context, 'prove', prove, wayOut === undefined ? { given } : { given, wayOut });
  return { proven: true, note: `${said}, read back` };
}

async function revisionOf(context: PlatformContext, { current }: DatabasePlan): Promise<string | null> {
  return current === null ? null : await askRevision(context, current);
}

/** Compare-and-set: from where this change brought it, to where it was. */
async function revert(
  context: PlatformContext,
  database: DatabasePlan,
  { target, before, after, settled }: RevertInput,
): Promise<UndoResult> {
  const stays = (note: string): UndoResult => ({ outcome: 'never-ran', note });
  const now = await revisionOf(context, database);
  if (now === null || before.revision === null)
    return stays('stays as it is: nothing tells where it was (no current command)');
  if (now === before.revision) return stays(`at ${now}, as before`);
  if (after !== null && now !== after.revision) throw strangersWork(context, now, after.revision);
  // of several releases at once the environment knows it
  if (settled !== true && isExpandOnly(target))
    return stays(`stays at ${now}: it was only expanded, the release before lives with it`);
  if (database.revert === null) return stays(`stays at ${now}: there is no revert command`);
  const wayOut = `bring it to ${before.revision} by hand, or mend what it says; then slipway retry ${target.plan.name}`;
  await runOnDatabase(context, 'revert', database.revert, {
    given: { 'previous-revision': before.revision },
    wayOut,
  });
  const reached = await revisionOf(context, database);
  if (reached === before.revision) return { outcome: 'undone', note: `back at ${reached}` };
  throw refused({
    what: `the database's revert command exited 0, but it is at ${reached}, not at ${before.revision}`,
    where: placeOf(context),
    why: null,
    wayOut: `bring it to ${before.revision} by hand, then slipway retry ${target.plan.name}`,
  });
}

/** The same for every try of one change, and words that no shell reads otherwise. */
function nameOfBackup({ plan, version, token }: Target): string {
  const words = [plan.pipeline, plan.name, 'before', version, String(token)];
  return words.join('-').replaceAll(/[^A-Za-z0-9._-]/g, '_');
}

function strangersWork(context: PlatformContext, now: string, ours: string | null): Error {
  return foreignHand({
    what: `the database is at ${now}, where this change brought it to ${ours ?? 'nobody knows where'}`,
    where: placeOf(context),
    why: null,
    wayOut: 'see who migrated it meanwhile; bring it to where the release before needs it, then retry',
  });
}
