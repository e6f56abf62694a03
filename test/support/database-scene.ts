/** The steps on a database, over SSH, against a real PostgreSQL: one host and one server for a test file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createDatabaseActivities } from '../../activities/database/create-database-activities.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import type { DatabasePlan, EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { alembicFiles, ORDERS, writeFiles, type Revision } from './alembic.js';
import { givenArtifacts, givenCommit, givenPlanInPlace } from './given.js';
import { hostsKnowing } from './hosts.js';
import { part } from './parts.js';
import { startPostgres, type Postgres } from './postgres.js';
import { runActivity } from './run-activity.js';
import { startSshd, type Sshd } from './sshd.js';
import { NO_REPOSITORY } from './no-repository.js';

const NONE: DatabasePlan = {
  ...{ migrate: null, current: null, revert: null, backup: null, restore: null, inside: null },
};

export class DatabaseScene {
  private count = 0;

  private constructor(
    readonly postgres: Postgres,
    private readonly sshd: Sshd,
    private readonly alembic: string,
    readonly folder: string,
    private readonly hosts: ReturnType<typeof hostsKnowing>,
    readonly activities: ReturnType<typeof createDatabaseActivities>,
  ) {}

  static async start(): Promise<DatabaseScene> {
    const [postgres, sshd, alembic, folder] = await Promise.all([
      startPostgres(),
      startSshd(),
      part('alembic'),
      mkdtemp(path.join(tmpdir(), 'slw-database-')),
    ]);
    const hosts = hostsKnowing(sshd.knownHostsPath);
    const activities = createDatabaseActivities({ hosts, secrets: createSecrets({}), ...NO_REPOSITORY });
    return new DatabaseScene(postgres, sshd, alembic, folder, hosts, activities);
  }

  async end(): Promise<void> {
    await this.hosts.close();
    const removed = rm(this.folder, { recursive: true, force: true });
    await Promise.all([this.postgres.stop(), this.sshd.stop(), removed]);
  }

  /** Another environment on the host. */
  targetOn(database: Partial<DatabasePlan>, change: Partial<EnvironmentPlan> = {}): Target {
    const { destination, keyPath } = this.sshd;
    this.count += 1;
    const plan = givenPlanInPlace({
      name: `prod-${this.count}`,
      hosts: [{ name: 'web-1', address: destination }],
      ssh: { user: null, port: null, key: `file:${keyPath}`, knownHosts: null, jump: [] },
      database: { ...NONE, ...database },
      ...change,
    });
    return {
      ...{ plan, token: 7, version: 'v2', commit: givenCommit(), artifacts: givenArtifacts('v2') },
      ...{ colour: null, live: null },
    };
  }

  /** A shop whose release before brought its database to r1, with Alembic; this release brings more. */
  async givenShop(...news: Revision[]) {
    const url = await this.postgres.create(`shop_${this.count + 1}`);
    const home = path.join(this.folder, `shop-${this.count + 1}`);
    const run = `cd ${home} && DATABASE_URL=${url} ${this.alembic}`;
    await writeFiles(home, alembicFiles(ORDERS));
    const target = this.targetOn({
      migrate: `${run} upgrade head`,
      current: `${run} current`,
      revert: `${run} downgrade {previous-revision}`,
    });
    await runActivity(this.activities.migrateDatabase, { target, before: { revision: 'base' } });
    await writeFiles(home, alembicFiles(ORDERS, ...news));
    return { target: { ...target, token: 8 }, url, columns: () => this.columnsOf(url), home };
  }

  /** `migrations/<n>.up.sql` and `.down.sql`, a table that says which were applied, and dumps that pg_restore reads. */
  async givenFiles() {
    const { postgres } = this;
    const url = await postgres.create(`plain_${this.count + 1}`);
    const home = path.join(this.folder, `plain-${this.count + 1}`);
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
    const target = this.targetOn({
      migrate: `cd ${home} && sh up.sh`,
      current: `${psql} -c 'select coalesce(max(n), 0) from applied'`,
      revert: `cd ${home} && sh down.sh {previous-revision}`,
      backup: `${postgres.programs}/pg_dump -Fc -f ${home}/{backup}.dump ${url}`,
      prove: `${postgres.programs}/pg_restore --list ${home}/{backup}.dump`,
      restore: `${postgres.programs}/pg_restore --clean --if-exists --single-transaction -d ${url} ${home}/{backup}.dump`,
    });
    return { target, url, home };
  }

  /** Of `orders`, by name. */
  async columnsOf(url: string): Promise<string> {
    return await this.postgres.query(
      url,
      "select string_agg(column_name, ' ' order by column_name) from information_schema.columns where table_name = 'orders'",
    );
  }
}

/** The one of this file. */
export function useDatabaseScene(): () => DatabaseScene {
  let scene: DatabaseScene;
  beforeAll(async () => {
    scene = await DatabaseScene.start();
  });
  afterAll(() => scene?.end());
  return () => scene;
}
