/** `inside: CONTAINER` on a real Docker host: a container of the release's image, like the one that runs. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabaseActivities } from '../../activities/database/create-database-activities.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { findContainers } from '../../activities/docker/find-containers.js';
import type { DatabasePlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { until } from '../support/processes.js';
import { runActivity, startActivity } from '../support/run-activity.js';
import { startSwarmWorld, type SwarmWorld } from '../support/swarm-world.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

const PASSWORD = 'correct horse';
let world: SwarmWorld;
let activities: ReturnType<typeof createDatabaseActivities>;

beforeAll(async () => {
  world = await startSwarmWorld();
  await world.logIn();
  activities = createDatabaseActivities({
    hosts: world.hosts,
    secrets: createSecrets({}),
    ...NO_REPOSITORY,
  });
  const settings = ['--env', `PASSWORD=${PASSWORD}`, '--volume', '/data'];
  const folder = 'com.docker.compose.project.working_dir';
  for (const project of ['shop', 'other'])
    await world.docker(
      ...['run', '-d', '--name', `${project}-api-1`, '--label', 'com.docker.compose.service=api'],
      ...['--label', `com.docker.compose.project=${project}`, '--label', `${folder}=/opt/${project}`],
      ...settings,
      world.image('v1'),
    );
});
afterAll(() => world?.stop());

function targetOn(database: Partial<DatabasePlan>, token = 1): Target {
  const none = { migrate: null, current: null, revert: null, backup: null, restore: null };
  const platform = { kind: 'swarm' as const, service: 'shop', fields: {} };
  const plan = world.plan(platform, { database: { ...none, inside: 'shop-api-1', ...database } });
  return { ...world.target('v2', plan), token };
}

const before = { revision: 'base' };

it('runs the release’s image with the network, the volumes and the environment of the running one', async () => {
  const write = 'echo "$PASSWORD $SLIPWAY_VERSION" > /data/seen; echo moved';
  const target = targetOn({ migrate: write, current: 'cat /data/seen' });
  const { after } = await runActivity(activities.migrateDatabase, { target, before });
  expect(after.revision).toBe(`${PASSWORD} v2`);
  // the image of the release, not of what runs
  expect(await world.docker('exec', 'shop-api-1', 'cat', '/data/seen')).toBe(`${PASSWORD} v2`);
  expect(await world.docker('ps', '-aq', '--filter', 'name=slipway-database')).toBe('');
});

it('is ended with its container when its time is over', async () => {
  const target = targetOn({ migrate: 'trap "" TERM; sleep 300', timeoutMs: 2_000 }, 2);
  await expect(runActivity(activities.migrateDatabase, { target, before })).rejects.toThrow(
    /migrate command (was not done in \d+ s|exited 137)/,
  );
  expect(await world.docker('ps', '-aq', '--filter', 'name=slipway-database')).toBe('');
});

it('is interrupted first, whoever stands in front of it there: a client then takes back what it asked for', async () => {
  const client = 'trap "echo taken back >/data/interrupted; exit 1" INT; sleep 300 & wait';
  const target = targetOn({ migrate: `sh -c '${client}'; true`, timeoutMs: 2_000 }, 3);
  await expect(runActivity(activities.migrateDatabase, { target, before })).rejects.toThrow(
    /migrate command/,
  );
  expect(await world.docker('exec', 'shop-api-1', 'cat', '/data/interrupted')).toBe('taken back');
});

it('left by a worker that died is ended before anything is taken back', async () => {
  const target = targetOn({ migrate: 'sleep 300', current: 'echo 41' }, 5);
  const run = startActivity(activities.migrateDatabase, { target, before: { revision: '41' } });
  run.result.catch(() => undefined);
  const running = () => world.docker('ps', '-q', '--filter', 'name=slipway-database');
  await until('the migration to run', async () => (await running()) !== '');
  run.environment.cancel('WORKER_SHUTDOWN', { workerShutdown: true } as never);
  await expect(run.result).rejects.toThrow(/the next attempt goes on/);
  const undo = { target: { ...target, token: 6 }, before: { revision: '41' }, after: null };
  expect(await runActivity(activities.revertDatabase, undo)).toEqual({
    ...{ outcome: 'never-ran', note: 'at 41, as before' },
  });
  expect(await running()).toBe('');
});

it('is refused where two compose projects call a service the same, and nothing says which is meant', async () => {
  const target = targetOn({ inside: 'api', current: 'echo 7' }, 5);
  await expect(runActivity(activities.readDatabase, { target })).rejects.toThrow(
    /api is not one service here/,
  );
  const docker = await world.ssh.docker();
  const platform = { kind: 'compose' as const, folder: '/opt/shop', file: null, services: ['api'] };
  const found = await findContainers(docker, 'api', { platform }, null);
  expect(found.map(({ Names }) => Names)).toEqual([['/shop-api-1']]);
});

it('is refused by name where no such container runs', async () => {
  await expect(
    runActivity(activities.readDatabase, { target: targetOn({ inside: 'nobody', current: 'true' }, 6) }),
  ).rejects.toThrow(/no container nobody runs here/);
});
