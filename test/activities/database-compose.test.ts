/** A database's steps where compose runs the release, on a real Engine: before it first runs, and with it stopped for a restore. */
import { expect, test } from 'vitest';
import { createDatabaseActivities } from '../../activities/database/create-database-activities.js';
import { compose } from '../../activities/platforms/compose.js';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import { stopWriters } from '../../activities/platforms/stop-writers.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import type { DatabasePlan } from '../../pipeline/plan.js';
import { HEALTHY, useComposeScene, WEB } from '../support/compose-scene.js';
import { runActivity } from '../support/run-activity.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

const scene = useComposeScene();
const NONE: DatabasePlan = {
  ...{ migrate: null, current: null, revert: null, backup: null, restore: null, inside: null },
};
const before = { revision: 'base' };

const activities = () =>
  createDatabaseActivities({
    hosts: scene.world.hosts,
    secrets: createSecrets({}),
    ...NO_REPOSITORY,
  });

test.each([[[]], [['web']]])(
  'a first release migrates in a container as its compose file has it, services %j',
  async (services) => {
    const settings = '    environment: {GREETING: "${GREETING}"}\n    volumes: ["data:/data"]\n';
    await scene.given({
      'compose.yaml': `${WEB}${settings}volumes: {data: {}}\n`,
      '.env': 'GREETING=hello\n',
    });
    const database = {
      ...{ ...NONE, inside: 'web', migrate: 'echo "$GREETING $SLIPWAY_VERSION" > /data/seen' },
      current: 'cat /data/seen 2>/dev/null || true',
    };
    const context = scene.on('v1', { plan: { database }, platform: { services } });
    await scene.recorded(context);
    const { target } = context;
    expect(await runActivity(activities().readDatabase, { target })).toEqual(before);
    const { after } = await runActivity(activities().migrateDatabase, { target, before });
    expect(after.revision).toBe(`hello ${target.version}`);
    const label = `label=com.docker.compose.project=${scene.name}`;
    expect(await scene.world.docker('ps', '-aq', '--filter', label)).toBe('');
    expect(await compose.deploy(context)).toBe('web 1 of 1');
    // of the running one, as ever
    expect(await runActivity(activities().readDatabase, { target })).toEqual(after);
  },
);

test('a first release with a service that the compose file does not have is refused by name', async () => {
  await scene.given({ 'compose.yaml': WEB });
  const database = { ...NONE, inside: 'api', current: 'true' };
  const context = scene.on('v1', { plan: { database } });
  await scene.recorded(context);
  await expect(runActivity(activities().readDatabase, { target: context.target })).rejects.toThrow(
    /no container api runs here/,
  );
});

test('before a restore what the release built stops, and the database beside it does not', async () => {
  await scene.given({ 'compose.yaml': WEB });
  const first = scene.on('v2');
  await scene.recorded(first);
  await compose.deploy(first);
  await scene.world.docker('tag', scene.world.image('v2'), 'database:1');
  await scene.given({ 'compose.yaml': `${WEB}  db:\n    image: database:1\n    ${HEALTHY}\n` });
  const context = scene.on('v2', { target: { token: 2 } });
  await scene.recorded(context);
  await compose.deploy(context);
  const running = async () => (await scene.running()).map(({ service }) => service);
  expect(await running()).toEqual(['db', 'web']);
  expect(await stopWriters(compose, context)).toEqual({
    ...{ outcome: 'undone', note: `${context.target.version} stopped: web` },
  });
  expect(await running()).toEqual(['db']);
  // done twice is done once
  expect(await stopWriters(compose, context)).toMatchObject({ outcome: 'never-ran' });
  await compose.deploy(scene.on('v1', { target: { token: 3 } }));
  expect(await scene.releases()).toMatchObject({ web: 'v1' });
});

test('what cannot be told from its database, or lends it its network, goes on, and says why', async () => {
  const stays = async (plan: object) => {
    const { target, ...rest } = scene.on('v1');
    const context: PlatformContext = { ...rest, target: { ...target, plan: { ...target.plan, ...plan } } };
    return (await stopWriters(compose, context)).note;
  };
  expect(await stays({ database: { ...NONE, inside: 'web' } })).toMatch(
    /goes on running: the commands run inside/,
  );
  expect(await stays({ platform: { kind: 'stack', names: {}, files: {} } })).toMatch(
    /nobody knows what of the stack/,
  );
  const command = { kind: 'command', command: 'up', inspect: null, restore: null, retire: null, on: 'host' };
  expect(await stays({ platform: command })).toMatch(/there is no retire command/);
});
