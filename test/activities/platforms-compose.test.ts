/** Platform `compose` against a real Engine and the real `docker compose`, over SSH: releases, their undo, colours. */
import { describe, expect, test } from 'vitest';
import { compose } from '../../activities/platforms/compose.js';
import { refusal, useComposeScene, HEALTHY, WEB } from '../support/compose-scene.js';
import { failureOf } from '../support/failure-of.js';
import { REGISTRY_LOGIN } from '../support/swarm-world.js';
import { until } from '../support/until.js';

const scene = useComposeScene();

describe('a first release', () => {
  const TWO = `${WEB}    volumes: ["data:/data"]\n  worker:\n    image: REPOSITORY:\${IMAGE_TAG}\n    stop_grace_period: 1s\n    ${HEALTHY}\n    deploy: {replicas: 2}\nvolumes: {data: {}}\n`;

  test('starts everything, waits for every replica, and is removed again by undo, its volume kept', async () => {
    await scene.given({ 'compose.yaml': TWO });
    const context = scene.on('v1');
    const prior = await scene.recorded(context);
    expect(prior).toBeNull();
    expect(await compose.deploy(context)).toBe('web 1 of 1, worker 2 of 2');
    expect(await scene.running()).toHaveLength(3);
    expect(await compose.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await scene.running()).toEqual([]);
    expect(await scene.world.docker('network', 'ls', '-q', '--filter', `name=${scene.name}_default`)).toBe(
      '',
    );
    expect(await scene.world.docker('volume', 'ls', '-q')).toContain(`${scene.name}_data`);
    expect(await compose.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
  });

  test('of named services leaves what the team started beside them', async () => {
    await scene.given({ 'compose.yaml': `${WEB}  redis:\n    image: ${scene.world.image('v3')}\n` });
    await scene.byHand('v3', 'redis');
    const [redis] = await scene.running();
    const context = scene.on('v1', { platform: { services: ['web'] } });
    const prior = await scene.recorded(context);
    await compose.deploy(context);
    expect(await scene.releases()).toEqual({ redis: 'v3', web: 'v1' });
    await compose.undo(context, prior);
    expect(await scene.running()).toEqual([redis]);
  });

  test('needs no login on the host when the pipeline sends its own, and leaves none behind', async () => {
    await scene.given({ 'compose.yaml': WEB });
    await scene.world.logOut();
    await scene.world.forget('v4');
    try {
      expect(await failureOf(compose.deploy(scene.on('v4')))).toEqual(
        refusal(/no credentials for .* for user deploy.*docker login/),
      );
      expect(await scene.running()).toEqual([]);
      const registryLogin = { server: scene.world.registry, ...REGISTRY_LOGIN };
      expect(await compose.deploy(scene.on('v4', { context: { registryLogin } }))).toBe('web 1 of 1');
      const left = await scene.world.host.run([
        'find',
        `${scene.world.host.home}/.slipway/compose`,
        '-name',
        'login-*',
      ]);
      expect(left.stdout).toBe('');
    } finally {
      await scene.world.logIn();
    }
  });
});

describe('a further release', () => {
  test('of what runs already, started by hand, restarts nothing', async () => {
    await scene.given({ 'compose.yaml': WEB });
    await scene.byHand('v1');
    const before = await scene.running();
    await compose.deploy(scene.on('v1'));
    expect(await scene.running()).toEqual(before);
  });

  test.each(['deploy', 'undo'] as const)(
    'comes up where an earlier compose died while it made a container anew: %s',
    async (way) => {
      const port = 19_000 + scene.count;
      await scene.given({ 'compose.yaml': WEB.concat(`    ports: ["${port}:80"]\n`) });
      await compose.deploy(scene.on('v1'));
      const next = scene.on('v2', { target: { token: 2 } });
      const prior = await scene.recorded(next);
      await scene.halfMake('v2', port);
      expect(await scene.running()).toHaveLength(1);
      if (way === 'deploy') await compose.deploy(next);
      else await compose.undo(next, prior);
      expect(await scene.running()).toMatchObject([
        { service: 'web', release: way === 'deploy' ? 'v2' : 'v1' },
      ]);
      const label = `label=com.docker.compose.project=${scene.name}`;
      const all = await scene.world.docker('ps', '--all', '--filter', label, '--format', '{{.Names}}');
      expect(all).toBe(`${scene.name}-web-1`);
    },
  );

  test('honours COMPOSE_FILE and the override file, and undo brings all of it back', async () => {
    await scene.given({
      'compose.yaml': WEB,
      'extra.yaml': 'services: {web: {environment: {GREETING: "${GREETING}"}}}',
      '.env': 'COMPOSE_FILE=compose.yaml:extra.yaml\nGREETING=hello\n',
    });
    await scene.byHand('v1');
    const context = scene.on('v2', { target: { token: 3 } });
    const prior = await scene.recorded(context);
    await scene.given({
      'extra.yaml': `services: {web: {environment: {GREETING: bye}}, added: {image: "${scene.world.image('v3')}"}}`,
    });
    await compose.deploy(context);
    expect(await scene.releases()).toEqual({ added: 'v3', web: 'v2' });
    expect(await greeting()).toBe('bye');
    expect(await compose.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await scene.releases()).toEqual({ web: 'v1' });
    expect(await greeting()).toBe('hello');
    expect(await compose.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
  });

  const greeting = async (): Promise<string> => scene.valueOf(scene.name, 'GREETING');

  test('takes the file of the commit, with the folder of the host for what is relative', async () => {
    await scene.given({ 'app.env': 'GREETING=from the host\n', 'compose.yaml': 'services: [' });
    const live = `${WEB}    env_file: [app.env]\n`.replaceAll('REPOSITORY', scene.world.repository);
    const platform = { file: 'deploy/compose.yaml', files: { live, blue: '', green: '' } };
    await compose.deploy(scene.on('v1', { platform }));
    expect(await greeting()).toBe('from the host');
    expect(await scene.releases()).toEqual({ web: 'v1' });
  });

  test('gets the secrets of its environment, which no file of the host has', async () => {
    await scene.given({
      'compose.yaml': `${WEB}    environment: [DATABASE_URL, "TOKEN=key-\${TOKEN}"]\n`,
    });
    const env = { DATABASE_URL: 'postgres://a:p$ss$$w0rd@db', TOKEN: 'hush-hush' };
    const plan = { secrets: { DATABASE_URL: 'env:D', TOKEN: 'env:T' } };
    await compose.deploy(scene.on('v1', { plan, context: { env } }));
    expect(await scene.valueOf(scene.name, 'DATABASE_URL')).toBe(env.DATABASE_URL);
    expect(await scene.valueOf(scene.name, 'TOKEN')).toBe(`key-${env.TOKEN}`);
    const kept = await scene.world.host.run([
      'cat',
      `${scene.world.host.home}/.slipway/compose/${scene.on('v1').target.plan.pipeline}/prod-${scene.count}/live/release-1.json`,
    ]);
    expect(kept.stdout).toContain('"DATABASE_URL": "${DATABASE_URL}"');
    const grep = await scene.world.host.run([
      'grep',
      '-rlF',
      '-e',
      'w0rd',
      '-e',
      'hush',
      '/home/deploy/.slipway',
    ]);
    expect(grep.stdout).toBe('');

    const next = scene.on('v2', { target: { token: 2 }, plan: { secrets: {} } });
    await expect(scene.recorded(next)).rejects.toEqual(
      refusal(/no way back: .*was given DATABASE_URL, TOKEN/),
    );
  });

  test('keeps the image of the release before from being pruned', async () => {
    await scene.given({ 'compose.yaml': WEB });
    await scene.byHand('v1');
    const context = scene.on('v2');
    const prior = await scene.recorded(context);
    await compose.deploy(context);
    await scene.world.docker('image', 'prune', '--force');
    await scene.world.stopRegistry();
    try {
      expect(await compose.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    } finally {
      await scene.world.startRegistry();
    }
    expect(await scene.releases()).toEqual({ web: 'v1' });
  });

  test('undone goes back to a release that was broken, without waiting for it to be well', async () => {
    await scene.given({ 'compose.yaml': WEB.replace(HEALTHY, '') });
    await scene.byHand('exits');
    const context = scene.on('unhealthy', { target: { token: 2 } });
    const prior = await scene.recorded(context);
    await expect(compose.deploy(context)).rejects.toEqual(refusal(/health check fails/));
    expect(await compose.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    const all = await scene.world.docker(
      'ps',
      '--all',
      '--no-trunc',
      '--filter',
      `name=${scene.name}-web`,
      '--format',
      '{{.Image}}',
    );
    expect(all).toContain(scene.world.digests.exits);
  });
});

describe('a worker or command that dies in the middle', () => {
  test('leaves something that undo puts back', async () => {
    // the old one takes its time, so that the command is in the middle of replacing it
    const slow = WEB.replace(
      'stop_grace_period: 1s',
      `stop_grace_period: 8s\n    command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"]`,
    );
    await scene.given({ 'compose.yaml': slow });
    await scene.byHand('v1');
    const context = scene.on('v2');
    const prior = await scene.recorded(context);
    const stopping = new AbortController();
    const dying = compose.deploy({ ...context, signal: stopping.signal }).catch(() => undefined);
    const all = [
      'ps',
      '--all',
      '--no-trunc',
      '--filter',
      `label=com.docker.compose.project=${scene.name}`,
      '--format',
      '{{.Image}}',
    ];
    await until('the new container', async () =>
      (await scene.world.docker(...all)).includes(scene.world.digests.v2),
    );
    stopping.abort('kill');
    await dying;
    const next = scene.on('v2', { target: { token: 2 } });
    await next.host.claim(next.fence);
    await next.host.killStale(next.fence);
    await compose.claim(next);
    expect(await compose.undo(next, prior)).toMatchObject({ outcome: 'undone' });
    expect(await scene.releases()).toEqual({ web: 'v1' });
    expect((await scene.world.docker(...all)).split('\n')).toHaveLength(1);
  });
});

describe('two colours', () => {
  test.each([
    ['in one folder', () => scene.folder(), () => [`${scene.name}-blue`, `${scene.name}-green`]],
    [
      'in a folder each',
      () => `${scene.folder()}-{colour}`,
      () => [`${scene.name}-blue`, `${scene.name}-green`],
    ],
  ])('%s are two projects; retiring one leaves the other', async (_where, where, projects) => {
    const text = WEB.concat('    environment: [SLIPWAY_COLOUR]\n');
    for (const colour of ['blue', 'green']) {
      const before = scene.name;
      if (where().includes('{')) scene.name = `${scene.name}-${colour}`;
      await scene.given({ 'compose.yaml': text });
      scene.name = before;
    }
    const platform = { folder: where() };
    const [blue = '', green = ''] = projects();
    await compose.deploy(scene.on('v1', { platform, target: { colour: 'blue' } }));
    await compose.deploy(scene.on('v2', { platform, target: { colour: 'green', token: 2 } }));
    expect([await scene.releases(blue), await scene.releases(green)]).toEqual([{ web: 'v1' }, { web: 'v2' }]);
    expect(await scene.valueOf(green, 'SLIPWAY_COLOUR')).toBe('green');
    const retiring = scene.on('v2', { platform, target: { colour: 'blue', token: 2 } });
    expect(await compose.logs(retiring, 10)).toContain('started v1');
    expect(await compose.retire(retiring, 'blue')).toMatchObject({ outcome: 'undone' });
    expect(await compose.retire(retiring, 'blue')).toMatchObject({ outcome: 'never-ran' });
    expect([await scene.releases(blue), await scene.releases(green)]).toEqual([{}, { web: 'v2' }]);
    expect(await compose.observe(retiring)).toBe('absent');
  });
});
