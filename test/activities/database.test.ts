/** The steps on a database, over SSH, against a real PostgreSQL: with Alembic, and with plain SQL. */
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DatabasePlan, EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { BROKEN, ONE_WAY, REGION, writeFiles } from '../support/alembic.js';
import { useDatabaseScene } from '../support/database-scene.js';
import { givenRecord } from '../support/given.js';
import { until } from '../support/processes.js';
import { runActivity, startActivity } from '../support/run-activity.js';

const scene = useDatabaseScene();

describe('with Alembic', () => {
  it('goes forward, once, and back to where it was', async () => {
    const { target, columns } = await scene().givenShop(REGION);
    const before = await runActivity(scene().activities.readDatabase, { target });
    expect(before).toEqual({ revision: 'r1' });
    const { after, note } = await runActivity(scene().activities.migrateDatabase, { target, before });
    expect([after.revision, note, await columns()]).toEqual(['r2', 'r1 to r2', 'id region']);
    // a try whose reply was lost is not made again: the host's journal knows how it ended
    const again = await runActivity(scene().activities.migrateDatabase, { target, before });
    expect(again.after.revision).toBe('r2');

    const undo = { target, before, after };
    expect(await runActivity(scene().activities.revertDatabase, undo)).toEqual({
      ...{ outcome: 'undone', note: 'back at r1' },
    });
    expect(await columns()).toBe('id');
    expect(await runActivity(scene().activities.revertDatabase, undo)).toEqual({
      ...{ outcome: 'never-ran', note: 'at r1, as before' },
    });
  });

  it('begins at the beginning, and goes back to it', async () => {
    const { target, url } = await scene().givenShop();
    const first = { ...target, token: 9 };
    await runActivity(scene().activities.revertDatabase, {
      ...{ target: first, before: { revision: 'base' }, after: { revision: 'r1' } },
    });
    expect(await scene().columnsOf(url)).toBe('');
    expect(await runActivity(scene().activities.readDatabase, { target: first })).toEqual({
      revision: 'base',
    });
  });

  it('that fails in the middle is refused with its words, and what it did is taken back', async () => {
    const { target, columns } = await scene().givenShop(REGION, BROKEN);
    const before = { revision: 'r1' };
    await expect(runActivity(scene().activities.migrateDatabase, { target, before })).rejects.toThrow(
      /the database's migrate command exited 1/,
    );
    expect(await columns()).toBe('id region');
    const undone = await runActivity(scene().activities.revertDatabase, { target, before, after: null });
    expect(undone).toEqual({ outcome: 'undone', note: 'back at r1' });
    expect(await columns()).toBe('id');
  });

  it('that cannot be taken back is a refusal with its words, for a person', async () => {
    const { target, columns } = await scene().givenShop(REGION, ONE_WAY);
    const before = { revision: 'r1' };
    const { after } = await runActivity(scene().activities.migrateDatabase, { target, before });
    await expect(runActivity(scene().activities.revertDatabase, { target, before, after })).rejects.toThrow(
      /the database's revert command exited 1/,
    );
    expect(await columns()).toBe('id');
  });

  it('that waits for a lock is ended when its time is over, and has changed nothing', async () => {
    const { target, url, columns } = await scene().givenShop(REGION);
    const { database } = target.plan;
    if (database !== null) database.timeoutMs = 3_000;
    const letGo = await scene().postgres.hold(url, 'lock table orders');
    const before = { revision: 'r1' };
    await expect(runActivity(scene().activities.migrateDatabase, { target, before })).rejects.toThrow(
      /migrate command was not done in \d+ s/,
    );
    const waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    await letGo();
    await until('nobody to wait any more', async () => (await scene().postgres.query(url, waiting)) === '0');
    expect(await columns()).toBe('id');
    expect(await runActivity(scene().activities.revertDatabase, { target, before, after: null })).toEqual({
      ...{ outcome: 'never-ran', note: 'at r1, as before' },
    });
  });

  it('by psql that waits for a lock is taken back at the server too: nobody waits behind it', async () => {
    const { target, url, columns } = await scene().givenShop();
    const sql = 'alter table orders add note text';
    // bash would go on after a client that was interrupted
    const migrate = `bash -c 'psql -Xqd ${url} -c "${sql}"; psql -Xqd ${url} -c "create table late ()"'`;
    const database = { ...target.plan.database, migrate, timeoutMs: 3_000 } as DatabasePlan;
    const letGo = await scene().postgres.hold(url, 'select * from orders');
    await expect(
      runActivity(scene().activities.migrateDatabase, {
        target: { ...target, plan: { ...target.plan, database } },
        before: { revision: 'r1' },
      }),
    ).rejects.toThrow(/migrate command was not done in \d+ s/);
    // as a release that serves would ask, while the lock is held
    expect(
      await scene().postgres.query(url, "set statement_timeout = '3s'; select count(*) from orders"),
    ).toBe('0');
    await letGo();
    expect(await columns()).toBe('id');
    expect(await scene().postgres.query(url, "select to_regclass('late') is null")).toBe('t');
  });

  it('of a worker that died is ended before anything is taken back', async () => {
    const { target, url, columns } = await scene().givenShop(REGION);
    const letGo = await scene().postgres.hold(url, 'lock table orders');
    const before = { revision: 'r1' };
    const run = startActivity(scene().activities.migrateDatabase, { target, before });
    run.result.catch(() => undefined);
    const waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    await until(
      'the migration to wait for the lock',
      async () => (await scene().postgres.query(url, waiting)) === '1',
    );
    run.environment.cancel('WORKER_SHUTDOWN', { workerShutdown: true } as never);
    await expect(run.result).rejects.toThrow(/the next attempt goes on/);
    const undoing = runActivity(scene().activities.revertDatabase, {
      ...{ target: { ...target, token: 9 }, before, after: null },
    });
    expect(await undoing).toEqual({ outcome: 'never-ran', note: 'at r1, as before' });
    await letGo();
    expect(await columns()).toBe('id');
  });

  it('stops before it takes back what somebody else did meanwhile', async () => {
    const { target, url } = await scene().givenShop(REGION);
    const before = { revision: 'r1' };
    const { after } = await runActivity(scene().activities.migrateDatabase, { target, before });
    await scene().postgres.query(url, "update alembic_version set version_num = 'r9'");
    // Alembic itself refuses a revision that nobody knows; another tool would not
    const { database } = target.plan;
    if (database !== null)
      database.current = `psql -XAtd ${url} -c 'select version_num from alembic_version'`;
    await expect(runActivity(scene().activities.revertDatabase, { target, before, after })).rejects.toThrow(
      /the database is at r9, where this change brought it to r2/,
    );
  });

  it('stays where it is when a gate has read that it only adds', async () => {
    const { target, columns } = await scene().givenShop(REGION);
    const before = { revision: 'r1' };
    const { after } = await runActivity(scene().activities.migrateDatabase, { target, before });
    const gate = { kind: 'migrations', mode: 'expand-contract', path: 'migrations' } as const;
    const gates: EnvironmentPlan['gates'] = [{ name: 'additive', timeoutMs: 1_000, ...gate }];
    const word = { kind: 'gate', name: 'additive', by: null, at: '', note: null } as const;
    const undo = { target: { ...target, plan: { ...target.plan, gates } }, before, after };
    const green = { ...undo.target, evidence: [{ ...word, verdict: 'pass' as const }] };
    expect(await runActivity(scene().activities.revertDatabase, { ...undo, target: green })).toMatchObject({
      outcome: 'never-ran',
      note: expect.stringContaining('stays at r2: it was only expanded') as string,
    });
    expect(await columns()).toBe('id region');
    const forced = { ...undo.target, evidence: [{ ...word, verdict: 'forced' as const }] };
    expect(await runActivity(scene().activities.revertDatabase, { ...undo, target: forced })).toMatchObject({
      outcome: 'undone',
    });
  });
});

describe('of a compose project', () => {
  it('runs in the folder of the colour that serves, or of the first one', async () => {
    const home = path.join(scene().folder, 'of-a-project');
    await writeFiles(home, { 'blue/.env': '', 'green/.env': '' });
    const platform = {
      ...{ kind: 'compose' as const, folder: `${home}/{colour}/`, file: null, services: [] },
    };
    const target = scene().targetOn({ current: 'pwd' }, { strategy: 'blue-green', platform });
    const live = givenRecord(target.plan, 'v1', 'blue');
    const where = async (change: Partial<Target>) =>
      (await runActivity(scene().activities.readDatabase, { target: { ...target, ...change } })).revision;
    expect(await where({ colour: 'green', live })).toBe(`${home}/blue`);
    expect(await where({ colour: 'green' })).toBe(`${home}/green`);
  });
});

describe('with plain SQL', () => {
  it('goes forward and back', async () => {
    const { target, url } = await scene().givenFiles();
    const before = await runActivity(scene().activities.readDatabase, { target });
    const { after, note } = await runActivity(scene().activities.migrateDatabase, { target, before });
    expect(note).toBe('0 to 1');
    expect(await scene().columnsOf(url)).toBe('id');
    expect(await runActivity(scene().activities.revertDatabase, { target, before, after })).toMatchObject({
      ...{ outcome: 'undone', note: 'back at 0' },
    });
    expect(await scene().columnsOf(url)).toBe('');
  });

  it('is backed up before, under a name that is remembered, and read back', async () => {
    const { target, home } = await scene().givenFiles();
    const made = await runActivity(scene().activities.backupDatabase, { target });
    expect(made).toMatchObject({ proven: true, note: `${made.name}, read back` });
    expect(made.name).toMatch(/^[a-z-]+-prod-\d+-before-v2-7$/);
    expect(await readdir(home)).toContain(`${made.name}.dump`);
    const { database } = target.plan;
    if (database === null) throw new Error('it has one');
    const { prove: _, ...unproven } = database;
    const other = { ...target, token: 8, plan: { ...target.plan, database: unproven } };
    expect(await runActivity(scene().activities.backupDatabase, { target: other })).toMatchObject({
      proven: false,
      note: expect.stringContaining('which nobody has read back') as string,
    });
  });

  it('goes no further when the backup cannot be read back', async () => {
    const { target, home } = await scene().givenFiles();
    const { database } = target.plan;
    if (database !== null) database.backup = `echo not a dump > ${home}/{backup}.dump`;
    await expect(runActivity(scene().activities.backupDatabase, { target })).rejects.toThrow(
      /the database's prove command exited 1/,
    );
  });

  it('says so when a revert claims to have worked and has not', async () => {
    const { target, home } = await scene().givenFiles();
    const before = { revision: '0' };
    const { after } = await runActivity(scene().activities.migrateDatabase, { target, before });
    await writeFile(path.join(home, 'down.sh'), 'true');
    await expect(runActivity(scene().activities.revertDatabase, { target, before, after })).rejects.toThrow(
      /revert command exited 0, but it is at 1, not at 0/,
    );
  });

  it('is told to stay where nobody knows where it was', async () => {
    const { target } = await scene().givenFiles();
    const { database } = target.plan;
    if (database !== null) Object.assign(database, { current: null, revert: null });
    const before = await runActivity(scene().activities.readDatabase, { target });
    expect(before).toEqual({ revision: null });
    const { after } = await runActivity(scene().activities.migrateDatabase, { target, before });
    expect(await runActivity(scene().activities.revertDatabase, { target, before, after })).toMatchObject({
      outcome: 'never-ran',
    });
  });
});
