/** What can be wrong with a compose project, on a real Engine: each said by its name, and as early as it can be. */
import { describe, expect, test } from 'vitest';
import { compose } from '../../activities/platforms/compose.js';
import { must } from '../support/base-image.js';
import type { Output } from '../support/docker-host.js';
import { until } from '../support/until.js';
import { refusal, useComposeScene, HEALTHY, WEB, type Settings } from '../support/compose-scene.js';

const FOREVER = String.raw`trap 'exit 0' TERM; while :; do sleep 1 & wait $$!; done`;
// what crun leaves behind of a start that dockerd died over is less
const scene = useComposeScene({ runtime: 'runc' });

describe('named by its cause', () => {
  const plain = WEB.replace(HEALTHY, '');
  const ends = (how: string, more = ''): string => plain.concat(`    command: [sh, -c, '${how}']\n${more}`);

  test.each<[string, string, RegExp, RegExp | undefined]>([
    ['an end with 0', ends('echo done; exit 0'), /service web: its container ended.*exit code 0/, /done/],
    [
      'an end after a moment',
      ends('sleep 2; echo lost; exit 3'),
      /service web: its container ended.*exit code 3/,
      /lost/,
    ],
    [
      'restarts without end',
      ends('echo no config; exit 4', '    restart: always\n'),
      /service web: .*over and over.*exit code 4, restarted/,
      /no config/,
    ],
    [
      'a health check that fails',
      plain.concat(
        '    healthcheck: {test: [CMD-SHELL, "echo database is down; exit 1"], interval: 300ms, retries: 2}\n',
      ),
      /service web: its health check fails/,
      /health check exited 1: database is down\n.*started v1/,
    ],
    [
      'a command that is not there',
      plain.concat('    command: [/bin/nothing]\n'),
      /docker compose up exited|cannot be started/,
      /nothing/,
    ],
    [
      'a service another one waits for',
      WEB.concat(
        `    depends_on: {db: {condition: service_healthy}}\n  db:\n    image: REPOSITORY:\${IMAGE_TAG}\n    healthcheck: {test: [CMD-SHELL, "echo no disk; exit 1"], interval: 300ms, retries: 1}\n`,
      ),
      /container shop\d+-db-1, which others need, is unhealthy/,
      /no disk/,
    ],
    [
      'a network of others',
      WEB.concat('    networks: [far]\nnetworks: {far: {external: true, name: far-away}}\n'),
      /external network far-away is not there.*docker network create/,
      undefined,
    ],
    [
      'an image nobody has',
      WEB.concat('  other:\n    image: REPOSITORY:nowhere\n'),
      /an image that the compose file names cannot be pulled/,
      /manifest unknown|not found/,
    ],
  ])('%s', async (_what, text, what, why) => {
    await scene.given({ 'compose.yaml': text });
    await expect(compose.deploy(scene.on('v1'))).rejects.toEqual(refusal(what, why));
  });

  test('a port that is taken, which preflight says before', async () => {
    const port = 18_000 + scene.count;
    const text = WEB.concat(`    ports: ["${port}:80"]\n`);
    await scene.given({ 'compose.yaml': text });
    await compose.deploy(scene.on('v1'));
    expect(await scene.problems(scene.on('v2'))).toEqual([]);
    scene.name = `other${scene.count}`;
    await scene.given({ 'compose.yaml': text });
    expect(await scene.problems(scene.on('v1', { plan: { name: 'other' } }))).toEqual([
      expect.stringMatching(`^port ${port}: something listens there already`),
    ]);
    await expect(compose.deploy(scene.on('v1', { plan: { name: 'other' } }))).rejects.toEqual(
      refusal(new RegExp(`port ${port} is taken.*ss -ltnp`)),
    );
  });

  test('a port that Docker keeps for a container that it was killed over', async () => {
    const port = 18_000 + scene.count;
    const { host } = scene.world;
    await scene.given({ 'compose.yaml': WEB.concat(`    ports: ["${port}:80"]\n`) });
    const containerd = (signal: string): Promise<Output> =>
      host.run(['sh', '-c', `kill -${signal} "$(cat /run/docker/containerd/containerd.pid)"`]);
    const name = `${scene.name}-cut`;
    await scene.world.docker('create', `--name=${name}`, `--publish=${port}:80`, scene.world.image('v1'));
    const root = (await scene.world.docker('info', '--format={{.DockerRootDir}}')).trim();
    // it opens the port, and gets no further
    await must(containerd('STOP'));
    const started = host.docker(['start', name]);
    // it listens first, and writes down after that whose port it is
    const mapping = `"PortMapping":\\[[^]]*"HostPort":${port}\\b`;
    const isWritten = async (): Promise<boolean> =>
      (await host.run(['grep', '-aq', mapping, `${root}/network/files/local-kv.db`])).exitCode === 0;
    await until('its port, written down', isWritten, 30_000);
    await host.killDockerd();
    expect((await started).exitCode).not.toBe(0);
    // gone by now if dockerd lost patience with it
    await containerd('CONT');
    await host.startDockerd();
    await scene.world.docker('rm', '--force', name);
    expect(await scene.problems(scene.on('v1'))).toEqual([
      expect.stringMatching(new RegExp(`^port ${port}: Docker keeps it .*; restart Docker there`)),
    ]);
    await expect(compose.deploy(scene.on('v1'))).rejects.toEqual(
      refusal(new RegExp(`port ${port} is taken: Docker keeps it .*; restart Docker there`)),
    );
    await host.killDockerd();
    await host.startDockerd();
    expect(await scene.problems(scene.on('v1'))).toEqual([]);
  });

  test('a slow start is waited for, and one that is too slow is said so', async () => {
    await scene.given({ 'compose.yaml': WEB.replace(HEALTHY, '') });
    expect(await compose.deploy(scene.on('slow'))).toBe('web 1 of 1');
    await expect(
      compose.deploy(scene.on('starting', { target: { token: 2 }, plan: { timeoutMs: 4_000 } })),
    ).rejects.toEqual(refusal(/service web: it was not well in time.*web-1 is starting/));
  });

  test('a task that is meant to end may end', async () => {
    const text = WEB.concat(
      '    depends_on: {migrate: {condition: service_completed_successfully}}\n',
      `  migrate:\n    image: REPOSITORY:\${IMAGE_TAG}\n    command: [sh, -c, 'echo migrated']\n`,
    );
    await scene.given({ 'compose.yaml': text });
    expect(await compose.deploy(scene.on('v1'))).toBe('migrate 1 of 1, web 1 of 1');
  });
});

describe('refused before anything is touched, and said by preflight', () => {
  test.each<[string, Record<string, string>, RegExp, Settings]>([
    [
      'a variable that is not set',
      { 'compose.yaml': WEB.concat('    environment: {A: "${NOWHERE}"}\n') },
      /variable NOWHERE is not set.*\.env there or under secrets/,
      {},
    ],
    [
      'a required variable',
      { 'compose.yaml': WEB.concat('    environment: {A: "${NOWHERE:?say it}"}\n') },
      /required variable NOWHERE is missing a value: say it/,
      {},
    ],
    [
      'a file that is no compose file',
      { 'compose.yaml': WEB.concat('    imagex: a\n') },
      /additional properties 'imagex' not allowed/,
      {},
    ],
    ['a file that is no YAML', { 'compose.yaml': 'services: [' }, /yaml/, {}],
    ['no compose file', { '.env': '' }, /there is no compose file in \/home\/deploy\/shop/, {}],
    [
      'an env_file that is missing',
      { 'compose.yaml': WEB.concat('    env_file: [.env]\n') },
      /env file .*\.env not found/,
      {},
    ],
    [
      'a service that is not in it',
      { 'compose.yaml': WEB },
      /no such service: wev/,
      { platform: { services: ['wev'] } },
    ],
    [
      '${IMAGE_TAG} forgotten',
      { 'compose.yaml': WEB.replace('${IMAGE_TAG}', 'latest') },
      /no service would run .*this release.*IMAGE_TAG/,
      {},
    ],
  ])('%s', async (_what, files, what, settings) => {
    await scene.given(files);
    const context = scene.on('v1', settings);
    expect(await scene.problems(context)).toContainEqual(expect.stringMatching(what));
    await expect(compose.deploy(context)).rejects.toEqual(refusal(what));
    expect(await scene.running()).toEqual([]);
  });

  test('no folder, and a folder above that has a compose file', async () => {
    const context = scene.on('v1');
    expect(await scene.problems(context)).toContainEqual(expect.stringMatching(/there is no folder/));
    await scene.given({ 'compose.yaml': WEB });
    await must(scene.world.host.run(['mkdir', `${scene.folder()}/inner`], { asUser: true }));
    const inner = scene.on('v1', { platform: { folder: `${scene.folder()}/inner` } });
    expect(await scene.problems(inner)).toContainEqual(
      expect.stringMatching(/there is no compose file in .*inner/),
    );
  });

  test('compose missing, files of the plan in the folder, and what a named service needs', async () => {
    await scene.given({
      'compose.yaml': WEB.concat('    depends_on: [redis]\n  redis:\n    image: redis:7\n'),
    });
    const context = scene.on('v1', { platform: { services: ['web'] } });
    context.target.plan.preflight.files = ['compose.yaml', '.env'];
    expect(await scene.problems(context)).toEqual([
      expect.stringMatching(/^service redis: web needs it, and it does not run; .*up --detach redis/),
      expect.stringMatching(/^file \/home\/deploy\/shop\d+\/\.env: not there/),
    ]);
    const plugin = '/home/deploy/.docker/cli-plugins/docker-compose';
    await must(scene.world.host.run(['mv', plugin, `${plugin}.away`]));
    try {
      expect(await scene.problems(context)).toContainEqual(
        expect.stringMatching(/^compose file: docker has no compose there; install the plugin/),
      );
    } finally {
      await must(scene.world.host.run(['mv', `${plugin}.away`, plugin]));
    }
  });

  test('without a health check there is a warning, and a window', async () => {
    await scene.given({ 'compose.yaml': WEB.replace(HEALTHY, `command: [sh, -c, "${FOREVER}"]`) });
    expect(await scene.problems(scene.on('v1'), 'warning')).toEqual([
      expect.stringMatching(/^service web: has no healthcheck .* after 5 s without an end/),
    ]);
    const startedAt = performance.now();
    await compose.deploy(scene.on('v1'));
    expect(performance.now() - startedAt).toBeGreaterThan(5_000);
  });

  test('a project of another pipeline, and one of another folder', async () => {
    await scene.given({ 'compose.yaml': WEB });
    await compose.deploy(scene.on('v1'));
    const other = scene.on('v2', { plan: { pipeline: 'other' } });
    expect(await scene.problems(other)).toEqual([expect.stringMatching(/belongs to .*, not to other\/prod/)]);
    await expect(compose.claim(other)).rejects.toEqual(refusal(/belongs to .*, not to other\/prod/));
    await expect(compose.deploy(other)).rejects.toEqual(refusal(/belongs to .*, not to other\/prod/));

    await must(
      scene.world.host.run(['cp', '-r', scene.folder(), `/home/deploy/copy-${scene.name}`], { asUser: true }),
    );
    await scene.given({ '.env': `COMPOSE_PROJECT_NAME=${scene.name}\n` });
    await must(
      scene.world.host.run(['cp', `${scene.folder()}/.env`, `/home/deploy/copy-${scene.name}/.env`], {
        asUser: true,
      }),
    );
    const copy = scene.on('v2', {
      target: { token: 2 },
      platform: { folder: `/home/deploy/copy-${scene.name}` },
    });
    await expect(compose.deploy(copy)).rejects.toEqual(refusal(/project shop\d+ runs from .* already/));
    expect(await scene.releases()).toEqual({ web: 'v1' });
  });

  test('a project under a new name, beside what serves under the old one', async () => {
    await scene.given({ 'compose.yaml': WEB });
    await compose.deploy(scene.on('v1'));
    await scene.given({ 'compose.yaml': `name: new-${scene.name}\n${WEB}` });
    await expect(compose.deploy(scene.on('v2', { target: { token: 2 } }))).rejects.toEqual(
      refusal(/is called new-shop\d+ now and was shop\d+/),
    );
  });
});
