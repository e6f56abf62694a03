/** The steps on a database, over SSH, against a real PostgreSQL: with Alembic, and with plain SQL. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabaseActivities } from '../../activities/database/create-database-activities.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import type { DatabasePlan, EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import {
  alembicFiles,
  BROKEN,
  ONE_WAY,
  ORDERS,
  REGION,
  writeFiles,
  type Revision,
} from '../support/alembic.js';
import { givenArtifacts, givenCommit, givenPlanInPlace, givenRecord } from '../support/given.js';
import { hostsKnowing } from '../support/hosts.js';
import { part } from '../support/parts.js';
import { startPostgres, type Postgres } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { runActivity, startActivity } from '../support/run-activity.js';
import { startSshd, type Sshd } from '../support/sshd.js';

const NONE: DatabasePlan = {
  ...{ migrate: null, current: null, revert: null, backup: null, restore: null, inside: null },
};

let postgres: Postgres;
let sshd: Sshd;
let alembic: string;
let folder: string;
let activities: ReturnType<typeof createDatabaseActivities>;
let hosts: ReturnType<typeof hostsKnowing>;
let count = 0;

beforeAll(async () => {
  [postgres, sshd, alembic, folder] = await Promise.all([
    startPostgres(),
    startSshd(),
    part('alembic'),
    mkdtemp(path.join(tmpdir(), 'slw-database-')),
  ]);
  hosts = hostsKnowing(sshd.knownHostsPath);
  activities = createDatabaseActivities({
    hosts,
    secrets: createSecrets({}),
    source: createSource({ cacheFolder: '/nowhere' }),
  });
});
afterAll(async () => {
  await hosts.close();
  await Promise.all([postgres.stop(), sshd.stop(), rm(folder, { recursive: true, force: true })]);
});

function targetOn(database: Partial<DatabasePlan>, change: Partial<EnvironmentPlan> = {}): Target {
  count += 1;
  const plan = givenPlanInPlace({
    name: `prod-${count}`,
    hosts: [{ name: 'web-1', address: sshd.destination }],
    ssh: { user: null, port: null, key: `file:${sshd.keyPath}`, knownHosts: null, jump: [] },
    database: { ...NONE, ...database },
    ...change,
  });
  return {
    ...{ plan, token: 7, version: 'v2', commit: givenCommit(), artifacts: givenArtifacts('v2') },
    ...{ colour: null, live: null },
  };
}

/** A shop whose release before brought its database to r1; this release brings more. */
async function givenShop(...news: Revision[]) {
  const url = await postgres.create(`shop_${count + 1}`);
  const home = path.join(folder, `shop-${count + 1}`);
  const run = `cd ${home} && DATABASE_URL=${url} ${alembic}`;
  await writeFiles(home, alembicFiles(ORDERS));
  const target = targetOn({
    migrate: `${run} upgrade head`,
    current: `${run} current`,
    revert: `${run} downgrade {previous-revision}`,
  });
  await runActivity(activities.migrateDatabase, { target, before: { revision: 'base' } });
  await writeFiles(home, alembicFiles(ORDERS, ...news));
  return { target: { ...target, token: 8 }, url, columns: () => columnsOf(url), home };
}

const columnsOf = (url: string): Promise<string> =>
  postgres.query(
    url,
    "select string_agg(column_name, ' ' order by column_name) from information_schema.columns where table_name = 'orders'",
  );

describe('with Alembic', () => {
  it('goes forward, once, and back to where it was', async () => {
    const { target, columns } = await givenShop(REGION);
    const before = await runActivity(activities.readDatabase, { target });
    expect(before).toEqual({ revision: 'r1' });
    const { after, note } = await runActivity(activities.migrateDatabase, { target, before });
    expect([after.revision, note, await columns()]).toEqual(['r2', 'r1 to r2', 'id region']);
    // a try whose reply was lost is not made again: the host's journal knows how it ended
    const again = await runActivity(activities.migrateDatabase, { target, before });
    expect(again.after.revision).toBe('r2');

    const undo = { target, before, after };
    expect(await runActivity(activities.revertDatabase, undo)).toEqual({
      ...{ outcome: 'undone', note: 'back at r1' },
    });
    expect(await columns()).toBe('id');
    expect(await runActivity(activities.revertDatabase, undo)).toEqual({
      ...{ outcome: 'never-ran', note: 'at r1, as before' },
    });
  });

  it('begins at the beginning, and goes back to it', async () => {
    const { target, url } = await givenShop();
    const first = { ...target, token: 9 };
    await runActivity(activities.revertDatabase, {
      ...{ target: first, before: { revision: 'base' }, after: { revision: 'r1' } },
    });
    expect(await columnsOf(url)).toBe('');
    expect(await runActivity(activities.readDatabase, { target: first })).toEqual({ revision: 'base' });
  });

  it('that fails in the middle is refused with its words, and what it did is taken back', async () => {
    const { target, columns } = await givenShop(REGION, BROKEN);
    const before = { revision: 'r1' };
    await expect(runActivity(activities.migrateDatabase, { target, before })).rejects.toThrow(
      /the database's migrate command exited 1/,
    );
    expect(await columns()).toBe('id region');
    const undone = await runActivity(activities.revertDatabase, { target, before, after: null });
    expect(undone).toEqual({ outcome: 'undone', note: 'back at r1' });
    expect(await columns()).toBe('id');
  });

  it('that cannot be taken back is a refusal with its words, for a person', async () => {
    const { target, columns } = await givenShop(REGION, ONE_WAY);
    const before = { revision: 'r1' };
    const { after } = await runActivity(activities.migrateDatabase, { target, before });
    await expect(runActivity(activities.revertDatabase, { target, before, after })).rejects.toThrow(
      /the database's revert command exited 1/,
    );
    expect(await columns()).toBe('id');
  });

  it('that waits for a lock is ended when its time is over, and has changed nothing', async () => {
    const { target, url, columns } = await givenShop(REGION);
    const { database } = target.plan;
    if (database !== null) database.timeoutMs = 3_000;
    const letGo = await postgres.hold(url, 'lock table orders');
    const before = { revision: 'r1' };
    await expect(runActivity(activities.migrateDatabase, { target, before })).rejects.toThrow(
      /migrate command was not done in \d+ s/,
    );
    const waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    await letGo();
    await until('nobody to wait any more', async () => (await postgres.query(url, waiting)) === '0');
    expect(await columns()).toBe('id');
    expect(await runActivity(activities.revertDatabase, { target, before, after: null })).toEqual({
      ...{ outcome: 'never-ran', note: 'at r1, as before' },
    });
  });

  it('of a worker that died is ended before anything is taken back', async () => {
    const { target, url, columns } = await givenShop(REGION);
    const letGo = await postgres.hold(url, 'lock table orders');
    const before = { revision: 'r1' };
    const run = startActivity(activities.migrateDatabase, { target, before });
    run.result.catch(() => undefined);
    const waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    await until(
      'the migration to wait for the lock',
      async () => (await postgres.query(url, waiting)) === '1',
    );
    run.environment.cancel('WORKER_SHUTDOWN', { workerShutdown: true } as never);
    await expect(run.result).rejects.toThrow(/the next attempt goes on/);
    const undoing = runActivity(activities.revertDatabase, {
      ...{ target: { ...target, token: 9 }, before, after: null },
    });
    expect(await undoing).toEqual({ outcome: 'never-ran', note: 'at r1, as before' });
    await letGo();
    expect(await columns()).toBe('id');
  });

  it('stops before it takes back what somebody else did meanwhile', async () => {
    const { target, url } = await givenShop(REGION);
    const before = { revision: 'r1' };
    const { after } = await runActivity(activities.migrateDatabase, { target, before });
    await postgres.query(url, "update alembic_version set version_num = 'r9'");
    // Alembic itself refuses a revision that nobody knows; another tool would not
    const { database } = target.plan;
    if (database !== null)
      database.current = `psql -XAtd ${url} -c 'select version_num from alembic_version'`;
    await expect(runActivity(activities.revertDatabase, { target, before, after })).rejects.toThrow(
      /the database is at r9, where this change brought it to r2/,
    );
  });

  it('stays where it is when a gate has read that it only adds', async () => {
    const { target, columns } = await givenShop(REGION);
    const before = { revision: 'r1' };
    const { after } = await runActivity(activities.migrateDatabase, { target, before });
    const gate = { kind: 'migrations', mode: 'expand-contract', path: 'migrations' } as const;
    const gates: EnvironmentPlan['gates'] = [{ name: 'additive', timeoutMs: 1_000, ...gate }];
    const word = { kind: 'gate', name: 'additive', by: null, at: '', note: null } as const;
    const undo = { target: { ...target, plan: { ...target.plan, gates } }, before, after };
    const green = { ...undo.target, evidence: [{ ...word, verdict: 'pass' as const }] };
    expect(await runActivity(activities.revertDatabase, { ...undo, target: green })).toMatchObject({
      outcome: 'never-ran',
      note: expect.stringContaining('stays at r2: it was only expanded') as string,
    });
    expect(await columns()).toBe('id region');
    const forced = { ...undo.target, evidence: [{ ...word, verdict: 'forced' as const }] };
    expect(await runActivity(activities.revertDatabase, { ...undo, target: forced })).toMatchObject({
      outcome: 'undone',
    });
  });
});

describe('of a compose project', () => {
  it('runs in the folder of the colour that serves, or of the first one', async () => {
    const home = path.join(folder, 'of-a-project');
    await writeFiles(home, { 'blue/.env': '', 'green/.env': '' });
    const platform = {
      ...{ kind: 'compose' as const, folder: `${home}/{colour}/`, file: null, services: [] },
    };
    const target = targetOn({ current: 'pwd' }, { strategy: 'blue-green', platform });
    const live = givenRecord(target.plan, 'v1', 'blue');
    const where = async (change: Partial<Target>) =>
      (await runActivity(activities.readDatabase, { target: { ...target, ...change } })).revision;
    expect(await where({ colour: 'green', live })).toBe(`${home}/blue`);
    expect(await where({ colour: 'green' })).toBe(`${home}/green`);
  });
});

describe('with plain SQL', () => {
  /** `migrations/<n>.up.sql` and `.down.sql`, and a table that says which were applied. */
  async function givenFiles() {
    const url = await postgres.create(`plain_${count + 1}`);
    const home = path.join(folder, `plain-${count + 1}`);
    const psql = `${postgres.programs}/psql -XAtq -v ON_ERROR_STOP=1 -d ${url}`;
    await writeFiles(home, {
      'up.sh': `set -eu
for file in $(ls migrations/*.up.sql | sort -V); do
  n=$(basename "$file" .up.sql)
  [ "$(${psql} -c "select count(*) from applied where n = $n")" = 0 ] || continue
  ${psql} -1 -f "$file" -c "insert into applied values ($n)"
done`,
      'down.sh': `set -eu
for n in $(${psql} -c "select n from applied where n > $1 order by n desc"); do
  ${psql} -1 -f "migrations/$n.down.sql" -c "delete from applied where n = $n"
done`,
      'migrations/1.up.sql': 'create table orders (id int);',
      'migrations/1.down.sql': 'drop table orders;',
    });
    await postgres.query(url, 'create table applied (n int)');
    const target = targetOn({
      migrate: `cd ${home} && sh up.sh`,
      current: `${psql} -c 'select coalesce(max(n), 0) from applied'`,
      revert: `cd ${home} && sh down.sh {previous-revision}`,
      backup: `${postgres.programs}/pg_dump -Fc -f ${home}/{backup}.dump ${url}`,
      prove: `${postgres.programs}/pg_restore --list ${home}/{backup}.dump`,
    });
    return { target, url, home };
  }

  it('goes forward and back', async () => {
    const { target, url } = await givenFiles();
    const before = await runActivity(activities.readDatabase, { target });
    const { after, note } = await runActivity(activities.migrateDatabase, { target, before });
    expect(note).toBe('0 to 1');
    expect(await columnsOf(url)).toBe('id');
    expect(await runActivity(activities.revertDatabase, { target, before, after })).toMatchObject({
      ...{ outcome: 'undone', note: 'back at 0' },
    });
    expect(await columnsOf(url)).toBe('');
  });

  it('is backed up before, under a name that is remembered, and read back', async () => {
    const { target, home } = await givenFiles();
    const made = await runActivity(activities.backupDatabase, { target });
    expect(made).toMatchObject({ proven: true, note: `${made.name}, read back` });
    expect(made.name).toMatch(/^[a-z-]+-prod-\d+-before-v2-7$/);
    expect(await readdir(home)).toContain(`${made.name}.dump`);
    const { database } = target.plan;
    if (database === null) throw new Error('it has one');
    const { prove: _, ...unproven } = database;
    const other = { ...target, token: 8, plan: { ...target.plan, database: unproven } };
    expect(await runActivity(activities.backupDatabase, { target: other })).toMatchObject({
      proven: false,
      note: expect.stringContaining('which nobody has read back') as string,
    });
  });

  it('goes no further when the backup cannot be read back', async () => {
    const { target, home } = await givenFiles();
    const { database } = target.plan;
    if (database !== null) database.backup = `echo not a dump > ${home}/{backup}.dump`;
    await expect(runActivity(activities.backupDatabase, { target })).rejects.toThrow(
      /the database's prove command exited 1/,
    );
  });

  it('says so when a revert claims to have worked and has not', async () => {
    const { target, home } = await givenFiles();
    const before = { revision: '0' };
    const { after } = await runActivity(activities.migrateDatabase, { target, before });
    await writeFile(path.join(home, 'down.sh'), 'true');
    await expect(runActivity(activities.revertDatabase, { target, before, after })).rejects.toThrow(
      /revert command exited 0, but it is at 1, not at 0/,
    );
  });

  it('is told to stay where nobody knows where it was', async () => {
    const { target } = await givenFiles();
    const { database } = target.plan;
    if (database !== null) Object.assign(database, { current: null, revert: null });
    const before = await runActivity(activities.readDatabase, { target });
    expect(before).toEqual({ revision: null });
    const { after } = await runActivity(activities.migrateDatabase, { target, before });
    expect(await runActivity(activities.revertDatabase, { target, before, after })).toMatchObject({
      outcome: 'never-ran',
    });
  });
});
