/** What a rollback does to a settled release's database, on a real PostgreSQL: takes it back, or restores a backup. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { REGION } from '../support/alembic.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { BackupRecord } from '../../workflows/database-state.js';
import { useDatabaseScene } from '../support/database-scene.js';
import { until } from '../support/processes.js';
import { runActivity, startActivity } from '../support/run-activity.js';

const scene = useDatabaseScene();

/** One order was there when it was backed up; then the release came, and took it away with another migration. */
async function givenBackup() {
  const { target, url, home } = await scene().givenFiles();
  const { activities, postgres } = scene();
  const orders = () => postgres.query(url, 'select string_agg(id::text, $$ $$ order by id) from orders');
  await runActivity(activities.migrateDatabase, { target, before: { revision: '0' } });
  await postgres.query(url, 'insert into orders values (1)');
  const backup = await runActivity(activities.backupDatabase, { target });
  await writeFile(
    path.join(home, 'migrations/2.up.sql'),
    'delete from orders; insert into orders values (9);',
  );
  const next = { ...target, token: 8 };
  await runActivity(activities.migrateDatabase, { target: next, before: { revision: '1' } });
  return { target: { ...next, token: 9 }, backup, orders, url, home };
}

const asks = (target: Target, backup: BackupRecord) => ({ target, backup, prior: [] });

function commandsOf({ plan: { database } }: Target) {
  if (database === null) throw new Error('it has one');
  return database;
}

describe('a backup', () => {
  it('brings back what was there, and not what came since', async () => {
    const { target, backup, orders, url } = await givenBackup();
    const { activities, postgres } = scene();
    expect([await orders(), Date.parse(backup.at ?? '')]).toEqual(['9', expect.any(Number)]);
    const { note } = await runActivity(activities.readBackup, asks(target, backup));
    expect(backup.host).toBe('web-1');
    expect([note, await orders()]).toEqual([`${backup.name} on web-1, read back`, '9']);
    expect(await runActivity(activities.restoreDatabase, asks(target, backup))).toEqual({
      note: `restored from ${backup.name} on web-1`,
    });
    expect([await orders(), await postgres.query(url, 'select max(n) from applied')]).toEqual(['1', '1']);
    expect(await runActivity(activities.readDatabase, { target })).toMatchObject({ revision: '1' });
  });

  it('that cannot be read again is refused, and nothing was touched', async () => {
    const { target, backup, orders, home } = await givenBackup();
    await writeFile(path.join(home, `${backup.name}.dump`), 'not a dump');
    await expect(runActivity(scene().activities.readBackup, asks(target, backup))).rejects.toThrow(
      /the database's prove command exited 1; .* roll back again: slipway rollback prod-\d+ VERSION --restore-database$/,
    );
    expect(await orders()).toBe('9');
  });

  it('that nobody can read back says so', async () => {
    const { target, backup } = await givenBackup();
    const { prove: _, ...unproven } = commandsOf(target);
    const without = { ...target, plan: { ...target.plan, database: unproven } };
    const { note } = await runActivity(scene().activities.readBackup, asks(without, backup));
    expect(note).toBe(`${backup.name} on web-1, which nobody has read back`);
  });
});

describe('a restore', () => {
  it('that fails in the middle says what to do, and begins anew when it is tried again', async () => {
    const { target, backup, orders, url, home } = await givenBackup();
    const { restore } = commandsOf(target);
    const half = `${scene().postgres.programs}/psql -XAtq -d ${url} -c 'delete from orders'`;
    Object.assign(commandsOf(target), { restore: `${half}; test -e ${home}/mended && ${restore}` });
    const restoring = () => runActivity(scene().activities.restoreDatabase, asks(target, backup));
    await expect(restoring()).rejects.toThrow(
      /the database's restore command exited 1; mend it, then slipway retry prod-\d+: it is restored again/,
    );
    expect(await orders()).toBe('');
    await writeFile(path.join(home, 'mended'), '');
    // a person's retry is another activity
    const again = { ...target, token: 10 };
    await runActivity(scene().activities.restoreDatabase, asks(again, backup));
    expect(await orders()).toBe('1');
  });

  it('whose worker is killed goes on, and is done once', async () => {
    const { target, backup, orders, home } = await givenBackup();
    const { restore } = commandsOf(target);
    const log = path.join(home, 'began');
    const go = path.join(home, 'go');
    const slow = `echo began >> ${log}; while [ ! -e ${go} ]; do sleep 0.1; done; ${restore}`;
    Object.assign(commandsOf(target), { restore: slow });
    const { restoreDatabase } = scene().activities;
    const run = startActivity(restoreDatabase, asks(target, backup));
    run.result.catch(() => undefined);
    const began = () => readFile(log, 'utf8').catch(() => '');
    await until('the restore to run', async () => (await began()) !== '');
    run.environment.cancel('WORKER_SHUTDOWN', { workerShutdown: true } as never);
    await expect(run.result).rejects.toThrow(/the next attempt goes on/);
    await writeFile(go, '');
    await runActivity(restoreDatabase, asks(target, backup));
    // and once more, its reply was lost
    await runActivity(restoreDatabase, asks(target, backup));
    expect([await began(), await orders()]).toEqual(['began\n', '1']);
  });
});

describe('with Alembic, a settled release', () => {
  it('is taken back to where the release that comes back ran, however far its change is past', async () => {
    const { target, columns } = await scene().givenShop(REGION);
    const { activities } = scene();
    const before = { revision: 'r1' };
    const { after } = await runActivity(activities.migrateDatabase, { target, before });
    const asked = { target: { ...target, token: 40 }, before, after, settled: true as const };
    expect(await runActivity(activities.revertDatabase, asked)).toEqual({
      ...{ outcome: 'undone', note: 'back at r1' },
    });
    expect(await columns()).toBe('id');
    expect(await runActivity(activities.revertDatabase, asked)).toMatchObject({ outcome: 'never-ran' });
  });

  it('stays when somebody else has migrated it since', async () => {
    const { target, columns } = await scene().givenShop(REGION);
    const { activities } = scene();
    await runActivity(activities.migrateDatabase, { target, before: { revision: 'r1' } });
    const asked = { target, before: { revision: 'base' }, after: { revision: 'r1' }, settled: true as const };
    await expect(runActivity(activities.revertDatabase, asked)).rejects.toThrow(/the database is at r2/);
    expect(await columns()).toBe('id region');
  });
});
