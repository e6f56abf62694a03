/** The pure parts of platform compose: its commands, what their output means, the rendered file, the verdict. */
import { describe, expect, test } from 'vitest';
import {
  hashesArgv,
  lacksCompose,
  nameUpFailure,
  removeArgv,
  runArgv,
  renderArgv,
  unsetVariables,
  upAnywayArgv,
  upArgv,
  withoutWarnings,
} from '../../../activities/platforms/compose-commands.js';
import { keptFileOf, type ComposeContainer } from '../../../activities/platforms/compose-containers.js';
import { judgeProject } from '../../../activities/platforms/compose-judgement.js';
import {
  imagesOfRelease,
  keptText,
  neededBeside,
  publishedPorts,
  readModel,
  wantedServices,
  withoutHealthcheck,
  type ComposeModel,
} from '../../../activities/platforms/compose-model.js';
import { imageVariables } from '../../../activities/platforms/run-time-values.js';
import type { BuiltArtifact } from '../../../workflows/result.js';
import { givenCommit } from '../../support/given.js';
import { environmentFor } from '../../support/hosts.js';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

const artifact = (name: string, digest: string): BuiltArtifact => ({
  name,
  kind: 'image',
  repository: `cr.io/${name}`,
  digest,
});

describe('commands', () => {
  const project = {
    name: 'shop',
    folder: '/opt/shop',
    files: ['/n/release-7.json'],
    services: ['web', 'api'],
  };
  const start =
    'docker compose --ansi never --project-name shop --project-directory /opt/shop --file /n/release-7.json';

  test('name project, folder and file; named services come alone', () => {
    expect(upArgv(project).join(' ')).toBe(`${start} up --detach --no-build --quiet-pull --no-deps web api`);
    const [shell, option, , ...words] = upAnywayArgv({ ...project, name: 'shop' });
    expect([shell, option]).toEqual(['sh', '-c']);
    expect(words).toEqual(['sh', 'shop', 'web api', ...upArgv({ ...project, name: 'shop' })]);
    expect(upArgv({ ...project, services: [] }).join(' ')).toBe(
      `${start} up --detach --no-build --quiet-pull`,
    );
    expect(hashesArgv(project).join(' ')).toBe(`${start} config --hash *`);
  });

  test('run one text beside a service, its variables by name only', () => {
    const command = { service: 'web', name: 'once', names: ['A', 'B'], text: 'up; echo "$A"' };
    const named = runArgv(project, command);
    expect(named.slice(0, -1).join(' ')).toBe(
      `${start} run --rm --no-TTY --quiet-pull --no-deps --name once --env A --env B --entrypoint sh web -c`,
    );
    expect(named.at(-1)).toBe('up; echo "$A"');
    expect(runArgv({ ...project, services: [] }, { ...command, name: null, names: [] }).join(' ')).toBe(
      `${start} run --rm --no-TTY --quiet-pull --entrypoint sh web -c up; echo "$A"`,
    );
  });

  test('never take a volume away', () => {
    expect(removeArgv(project).join(' ')).toBe(`${start} rm --stop --force web api`);
    expect(removeArgv({ ...project, services: [] }).join(' ')).toBe(`${start} down`);
  });

  test('render from stdin or as compose finds the files, every word of the plan an argument of its own', () => {
    const [shell, option, , ...words] = renderArgv({
      name: null,
      folder: '/opt/$(x)',
      files: [],
      services: ['a b'],
    });
    expect([shell, option, ...words]).toEqual([
      ...['sh', '-c', 'slipway', '/opt/$(x)', 'found'],
      ...[
        'docker',
        'compose',
        '--ansi',
        'never',
        '--project-directory',
        '/opt/$(x)',
        'config',
        '--format',
        'json',
        'a b',
      ],
    ]);
    expect(
      renderArgv({ ...project, files: ['-'] })
        .slice(5)
        .join(' '),
    ).toBe(
      'named docker compose --ansi never --project-name shop --project-directory /opt/shop --file - config --format json web api',
    );
  });
});

describe('what compose says', () => {
  test('variables without a value, each once, and what is left beside warnings', () => {
    const said = [
      String.raw`time="2026-11-22T05:38:44Z" level=warning msg="The \"JWT\" variable is not set. Defaulting to a blank string."`,
      String.raw`time="2026-11-22T05:38:44Z" level=warning msg="The \"JWT\" variable is not set. Defaulting to a blank string."`,
      String.raw`time="2026-11-22T05:38:44Z" level=warning msg="The \"A_1\" variable is not set. Defaulting to a blank string."`,
      'no such service: web',
    ].join('\n');
    expect(unsetVariables(said)).toEqual(['A_1', 'JWT']);
    expect(withoutWarnings(said)).toBe('no such service: web');
    expect(unsetVariables('WARN[0000] The "OLD" variable is not set. Defaulting to a blank string.')).toEqual(
      ['OLD'],
    );
  });

  test.each([
    ["docker: 'compose' is not a docker command.", true],
    ['docker: unknown command: docker compose', true],
    ["unknown flag: --ansi\nSee 'docker --help'.", true],
    ['no such service: web', false],
  ])('%j: is the plugin missing? %s', (said, missing) => {
    expect(lacksCompose(said)).toBe(missing);
  });

  test.each([
    [
      'Error response from daemon: driver failed programming external connectivity: Bind for 0.0.0.0:3000 failed: port is already allocated',
      'port 3000 is taken',
    ],
    ['listen tcp4 0.0.0.0:80: bind: address already in use', 'port 80 is taken'],
    [
      'dependency failed to start: container shop-db-1 is unhealthy',
      'container shop-db-1, which others need, is unhealthy',
    ],
    [
      'dependency failed to start: container shop-db-1 exited (3)',
      'container shop-db-1, which others need, exited (3)',
    ],
    ['no such service: wev', 'the compose file has no service wev'],
    [
      'network far-away declared as external, but could not be found',
      'the external network far-away is not there',
    ],
    ['external volume "data" not found', 'the external volume data is not there'],
    [
      'Conflict. The container name "/web" is already in use by container "1"',
      "a container called web is there already and is not this project's",
    ],
    ['write /var/lib/docker/x: no space left on device', 'the disk is full'],
    ['Error response from daemon: manifest unknown', 'an image that the compose file names cannot be pulled'],
    [
      'pull access denied for x, repository does not exist',
      'an image that the compose file names cannot be pulled',
    ],
    ['something else altogether', undefined],
  ])('%j is %j', (said, what) => {
    expect(nameUpFailure(`Container shop-web-1  Creating\n${said}`)?.what).toBe(what);
  });
});

const model = (services: ComposeModel['services'], rest = {}): ComposeModel => ({
  name: 'shop',
  services,
  ...rest,
});

describe('images of a release', () => {
  test('are those with its digest, each with that of its own repository', () => {
    const images = {
      web: { image: `cr.io/web:v1@${A}` },
      worker: { image: `cr.io/worker:v1@${A}` },
      mirror: { image: `mirror.local/web:v1@${A}` },
      own: { image: `cr.io/worker:v1@${B}` },
      stale: { image: 'cr.io/web:latest' },
      redis: { image: 'redis:7' },
      built: {},
    };
    expect(imagesOfRelease(model(images), [artifact('web', A), artifact('worker', B)])).toEqual({
      images: {
        web: `cr.io/web:v1@${A}`,
        worker: `cr.io/worker:v1@${B}`,
        mirror: `mirror.local/web:v1@${A}`,
        own: `cr.io/worker:v1@${B}`,
      },
      stale: ['stale'],
    });
  });

  test('have a variable each where there are several', () => {
    const target = {
      ...{ plan: { ...environmentFor(), tags: ['v1'] }, token: 1, version: 'v1', commit: givenCommit() },
      ...{ artifacts: [artifact('web', A), artifact('arq-worker', B)], colour: null, live: null },
    };
    expect(imageVariables(target)).toEqual({ IMAGE_TAG_WEB: `v1@${A}`, IMAGE_TAG_ARQ_WORKER: `v1@${B}` });
    expect(imageVariables({ ...target, artifacts: [artifact('web', A)] })).toEqual({});
  });
});

describe('the rendered file', () => {
  const shop = model({
    web: {
      image: 'cr.io/web:v1',
      profiles: ['app'],
      depends_on: {
        db: { condition: 'service_started' },
        job: { condition: 'service_completed_successfully' },
        extra: { required: false },
      },
      ports: [{ published: '3000' }, { published: '' }, {}],
    },
    db: { image: 'postgres', healthcheck: { test: ['CMD', 'true'] }, ports: [{ published: '5432' }] },
    job: { image: 'cr.io/web:v1', healthcheck: { test: ['NONE'] } },
    extra: { image: 'x', deploy: { replicas: 0 } },
    three: { image: 'x', scale: 3, healthcheck: { disable: true } },
  });

  test('says what is to run, what has no health check, what is needed beside, and which ports are opened', () => {
    expect(
      wantedServices(shop, []).map(({ service, replicas, isJob }) => `${service} ${replicas} ${isJob}`),
    ).toEqual(['web 1 false', 'db 1 false', 'job 1 true', 'three 3 false']);
    expect(wantedServices(shop, ['db']).map(({ service }) => service)).toEqual(['db']);
    expect(withoutHealthcheck(shop, [])).toEqual(['web', 'job', 'extra', 'three']);
    expect(neededBeside(shop, ['web', 'db'])).toEqual([{ service: 'web', needs: 'job' }]);
    expect(neededBeside(shop, [])).toEqual([]);
    expect([publishedPorts(shop, []), publishedPorts(shop, ['db'])]).toEqual([[3000, 5432], [5432]]);
  });

  test('is kept with digests, without profiles, and with names in place of what is secret', () => {
    const secrets = { URL: 'postgres://a:p$s@db', LONG: 'postgres://a:p$s@db/long', PIN: '1234', EMPTY: '' };
    const given = model(
      {
        web: {
          image: 'cr.io/web:v1',
          profiles: ['app'],
          environment: {
            URL: 'postgres://a:p$$s@db',
            BOTH: 'x=postgres://a:p$$s@db/long!',
            PIN: '1234',
            AGE: '12345',
            NONE: null,
          },
          ports: [{ published: '1234' }],
        },
      },
      { configs: { app: { content: 'url: postgres://a:p$$s@db' } } },
    );
    const kept = keptText(given, { images: { web: `cr.io/web:v1@${A}` }, secrets });
    expect(JSON.parse(kept)).toEqual({
      name: 'shop',
      configs: { app: { content: 'url: ${URL}' } },
      services: {
        web: {
          image: `cr.io/web:v1@${A}`,
          environment: { URL: '${URL}', BOTH: 'x=${LONG}!', PIN: '${PIN}', AGE: '12345', NONE: null },
          ports: [{ published: '1234' }],
        },
      },
      'x-slipway': { secrets: ['LONG', 'PIN', 'URL'] },
    });
    expect(readModel(kept, 'here')['x-slipway']?.secrets).toEqual(['LONG', 'PIN', 'URL']);
  });

  test('that is something else is named', () => {
    expect(() => readModel('<html>', 'prod host web-1')).toThrow(/prod host web-1: .* cannot be read/);
    expect(() => readModel('{"name": "a"}', 'prod host web-1')).toThrow(/cannot be read/);
  });
});

describe('whose a container is', () => {
  const file = (path: string): ReturnType<typeof keptFileOf> => keptFileOf({ files: [path] });

  test('says the file it was made from', () => {
    expect(file('/home/d/.slipway/compose/shop/prod/live/release-12.json')).toEqual({
      path: '/home/d/.slipway/compose/shop/prod/live/release-12.json',
      role: 'release',
      owner: 'shop/prod',
      fence: 12,
    });
    expect(file('/root/.slipway/compose/shop/prod/green/before-3.json')).toMatchObject({
      role: 'before',
      fence: 3,
    });
  });

  test.each([
    '/opt/shop/compose.yaml',
    '/h/.slipway/compose/shop/prod/live/release-12.json.bak',
    '/h/.slipway/compose/shop/release-1.json',
    '',
  ])('%j is nobody of ours', (path) => {
    expect(file(path)).toBeNull();
    expect(keptFileOf({ files: [] })).toBeNull();
  });
});

describe('the verdict', () => {
  const container = (change: Partial<ComposeContainer> = {}): ComposeContainer => ({
    ...{ id: 'c1', name: 'shop-web-1', service: 'web', image: `cr.io/web:v1@${A}`, imageId: 'sha256:1' },
    ...{ state: 'running', exitCode: 0, error: '', outOfMemory: false, restarts: 0, restartsItself: false },
    ...{ health: null, hash: 'h', folder: '/opt/shop', files: [], ports: [] },
    ...change,
  });
  const wanted = { service: 'web', image: `cr.io/web:v1@${A}`, replicas: 1, isJob: false };
  const judge = (
    containers: ComposeContainer[],
    change: Partial<typeof wanted> = {},
    before: [string, number][] = [],
  ): ReturnType<typeof judgeProject> =>
    judgeProject({ containers, wanted: [{ ...wanted, ...change }], restartsBefore: new Map(before) });

  test('is steady when all replicas run and are healthy, or have none to say so', () => {
    expect(judge([container({ health: 'healthy' })])).toEqual({
      state: 'steady',
      note: 'web 1 of 1',
      unproven: [],
    });
    expect(judge([container()])).toMatchObject({ state: 'steady', unproven: [{ id: 'c1' }] });
    expect(judge([container({ health: 'starting' })])).toMatchObject({
      state: 'starting',
      slow: { id: 'c1' },
    });
    expect(judge([container(), container({ id: 'c2', state: 'created' })], { replicas: 2 })).toMatchObject({
      state: 'starting',
      note: 'web 1 of 2',
    });
    // one too many is not what was asked for either
    expect(judge([container(), container({ id: 'c2' })])).toMatchObject({ state: 'starting' });
  });

  test('looks at every replica, and at every service', () => {
    const healthy = container({ health: 'healthy' });
    expect(judge([healthy, container({ id: 'c2', health: 'unhealthy' })], { replicas: 2 })).toMatchObject({
      state: 'failed',
      cause: 'unhealthy',
      container: { id: 'c2' },
    });
    const both = [wanted, { ...wanted, service: 'api' }];
    const seen = judgeProject({ containers: [healthy], wanted: both, restartsBefore: new Map() });
    expect(seen).toMatchObject({ state: 'failed', cause: 'vanished', service: 'api' });
  });

  test.each<[string, Partial<ComposeContainer>, string]>([
    ['ends with 0', { state: 'exited' }, 'exited'],
    ['ends with 3', { state: 'exited', exitCode: 3 }, 'exited'],
    ['is killed for its memory', { state: 'exited', exitCode: 137, outOfMemory: true }, 'out-of-memory'],
    ['is dead', { state: 'dead' }, 'exited'],
    ['could not be started', { state: 'created', error: 'port is already allocated' }, 'cannot-start'],
    ['had no command', { state: 'exited', exitCode: 127, error: 'no such file' }, 'cannot-start'],
    ['begins again and again', { state: 'restarting', restarts: 3, restartsItself: true }, 'restarting'],
    ['runs between two ends', { restarts: 3, restartsItself: true }, 'restarting'],
    ['is unhealthy', { health: 'unhealthy' }, 'unhealthy'],
    ['runs something else', { image: `cr.io/web:v2@${B}` }, 'overwritten'],
  ])('a container that %s', (_what, change, cause) => {
    expect(judge([container(change)])).toMatchObject({ state: 'failed', cause, service: 'web' });
  });

  test('a first crash may be cured by the restart, and old restarts do not count', () => {
    expect(judge([container({ state: 'restarting', restarts: 2, restartsItself: true })])).toMatchObject({
      state: 'starting',
    });
    const old = container({ restarts: 12, restartsItself: true });
    expect(judge([old], {}, [['c1', 12]])).toMatchObject({ state: 'steady' });
    expect(judge([old], {}, [['c1', 9]])).toMatchObject({ state: 'failed', cause: 'restarting' });
  });

  test('a task that is meant to end has to end well', () => {
    expect(judge([container({ state: 'exited' })], { isJob: true })).toMatchObject({
      state: 'steady',
      unproven: [],
    });
    expect(judge([container()], { isJob: true })).toMatchObject({ state: 'starting' });
    expect(judge([container({ state: 'exited', exitCode: 1 })], { isJob: true })).toMatchObject({
      cause: 'exited',
    });
  });
});
