/** `{migrations: applied}` against real commits: what a commit has, and what a database says it is at. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCheckActivities } from '../../activities/checks/create-check-activities.js';
import { refused } from '../../activities/failure.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import type { CheckPlan } from '../../pipeline/plan.js';
import type { VerifyResult } from '../../workflows/activity-contract.js';
import { alembicFiles, ORDERS, REGION } from '../support/alembic.js';
import { givenCheckScene, type CheckScene } from '../support/check-scene.js';
import { givenCommit } from '../support/given.js';
import { part } from '../support/parts.js';
import { startPostgres, type Postgres } from '../support/postgres.js';
import { runActivity } from '../support/run-activity.js';

let scene: CheckScene;
beforeAll(async () => {
  scene = await givenCheckScene();
});
afterAll(() => scene.stop());

async function ask(
  files: Record<string, string>,
  revision: string | Error,
  { path: folder, current, databaseUrl }: { path?: string; current?: string; databaseUrl?: string } = {},
): Promise<VerifyResult> {
  const sha = await scene.repository.commit('feat: migrations', {
    ...files,
    'again.txt': String(Math.random()),
  });
  const check: CheckPlan = {
    ...{ name: 'migrated', kind: 'migrations', mode: 'applied', timeoutMs: 5_000 },
    ...{ retries: 0, intervalMs: 10, startPeriodMs: 0 },
    ...(folder === undefined ? {} : { path: folder }),
    ...(current === undefined ? {} : { current }),
  };
  const { verify } = createCheckActivities({
    ...scene.dependencies,
    ...(databaseUrl === undefined ? {} : { secrets: createSecrets({ DATABASE_URL: databaseUrl }) }),
    databaseRevision: () =>
      revision instanceof Error ? Promise.reject(revision) : Promise.resolve(revision),
  });
  const secrets = databaseUrl === undefined ? {} : { DATABASE_URL: 'env:DATABASE_URL' as const };
  const target = { ...scene.target({ secrets }), commit: givenCommit({ sha }) };
  return await runActivity(verify, { target, checks: [check], colour: null });
}

const inFolder = (folder: string, files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));

it('passes at the head of Alembic, wherever alembic.ini says it is', async () => {
  const files = alembicFiles(ORDERS, REGION);
  expect(await ask(files, 'r2')).toMatchObject({ verdict: 'passed' });
  expect(await ask(files, 'r1')).toMatchObject({
    ...{ verdict: 'failed', note: 'migrated: the database is at r1, this commit has r2' },
  });
  expect(await ask(files, 'base')).toMatchObject({ verdict: 'failed' });
  const elsewhere = {
    ...inFolder('db', files),
    'alembic.ini': '[alembic]\nscript_location = db/migrations\n',
  };
  const branch = { id: 'r3', after: 'r1', up: 'select 1', down: null };
  const two = { ...elsewhere, ...inFolder('db', alembicFiles(ORDERS, REGION, branch)) };
  expect(await ask({ ...two, 'alembic.ini': elsewhere['alembic.ini'] }, 'r2 r3')).toMatchObject({
    verdict: 'passed',
  });
});

it.each([
  ['passed', '42'],
  ['passed', '0042_region'],
  ['passed', '0042'],
  ['failed', '41'],
  ['failed', '420'],
] as const)('%s with numbered SQL at %s', async (verdict, revision) => {
  const files = {
    'sql/0009_orders.sql': 'create table orders (id int);',
    'sql/0042_region.sql': 'alter table orders add column region text;',
    'sql/0042_region.down.sql': 'alter table orders drop column region;',
  };
  expect(await ask(files, revision, { path: 'sql' })).toMatchObject({ verdict });
});

it('is inconclusive when the database cannot be asked, or the commit has nothing to hold it against', async () => {
  const no = refused({ what: 'current exited 255', where: 'web-1', why: null, wayOut: 'look' });
  expect(await ask(alembicFiles(ORDERS), no)).toMatchObject({
    verdict: 'inconclusive',
    note: expect.stringContaining('current exited 255') as string,
  });
  expect(await ask(alembicFiles(ORDERS), new Error('no route to host'))).toMatchObject({
    verdict: 'inconclusive',
  });
  expect(await ask({ 'README.md': 'nothing' }, 'r1', { path: 'no-such-folder' })).toMatchObject({
    verdict: 'inconclusive',
    note: expect.stringContaining('there are no migrations in no-such-folder') as string,
  });
});

describe('a database that the environment says nothing of', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    const [started, alembic] = await Promise.all([startPostgres(), part('alembic')]);
    postgres = started;
    vi.stubEnv('PATH', `${path.dirname(alembic)}:${process.env['PATH'] ?? ''}`);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await postgres.stop();
  });

  /** At `version`, as Alembic notes it. */
  const askAt = async (name: string, version: string, current = 'alembic current'): Promise<VerifyResult> => {
    const url = await postgres.create(name);
    await postgres.query(
      url,
      `create table alembic_version (version_num text); insert into alembic_version values ('${version}')`,
    );
    return await ask(alembicFiles(ORDERS, REGION), new Error('nobody says it'), {
      current,
      databaseUrl: url,
    });
  };

  it('is asked by Alembic in a checkout on the worker', async () => {
    expect(await askAt('newest', 'r2')).toMatchObject({ verdict: 'passed' });
    expect(await askAt('older', 'r1')).toMatchObject({
      ...{ verdict: 'failed', note: 'migrated: the database is at r1, this commit has r2' },
    });
  });

  it('is inconclusive where that cannot be done, with what it said', async () => {
    expect(await askAt('strange', 'r7')).toMatchObject({
      verdict: 'inconclusive',
      note: expect.stringMatching(/alembic current on the worker exited .*Can't locate revision/s) as string,
    });
    expect(await askAt('toolless', 'r2', 'no-such-alembic current')).toMatchObject({
      verdict: 'inconclusive',
      note: expect.stringContaining('not found') as string,
    });
  });
});
