/** Platform `swarm` against a real Swarm over SSH: the truth instead of the exit code, and the way back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import { createRegistry } from '../../activities/registry/registry-client.js';
import { swarm } from '../../activities/platforms/swarm.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { failureOf } from '../support/failure-of.js';
import { REGISTRY_LOGIN, startSwarmWorld, type Release, type SwarmWorld } from '../support/swarm-world.js';

let world: SwarmWorld;
let service: string;
let plan: EnvironmentPlan;
let count = 0;

beforeAll(async () => {
  // what most hosts have
  world = await startSwarmWorld({ runtime: 'runc' });
  await world.logIn();
});

afterAll(() => world?.stop());

/** A service on v1, as a team has it before it knows of us. */
async function givenService(...options: string[]): Promise<void> {
  count += 1;
  service = `app-${count}`;
  plan = world.plan({ kind: 'swarm', service, fields: {} });
  const common = ['--name', service, '--detach', '--update-monitor', '700ms', '--stop-grace-period', '1s'];
  await world.docker(
    'service',
    'create',
    '--with-registry-auth',
    ...common,
    '--restart-delay',
    '200ms',
    ...options,
    world.image('v1'),
  );
  await expect.poll(() => runningTasks(), { timeout: 60_000 }).not.toBe('');
}

function on(release: Release, change: Partial<Target> = {}): PlatformContext {
  return world.context(world.target(release, plan, change));
}

const imageInSpec = (): Promise<string> =>
  world.docker('service', 'inspect', '--format', '{{.Spec.TaskTemplate.ContainerSpec.Image}}', service);
const runningTasks = (): Promise<string> =>
  world.docker('service', 'ps', '-q', '--filter', 'desired-state=running', service);

/** An index that says of a release's image that it is for these machines; gives its digest. */
async function pushIndex(release: Release, architectures: string[]): Promise<string> {
  const registry = createRegistry({
    credentials: { server: world.registry, ...REGISTRY_LOGIN },
    insecureRegistries: [world.registry],
  });
  const { mediaType, digest, bytes } = await registry.readManifest(world.repository, world.digests[release]);
  const manifests = architectures.map((architecture) => ({
    ...{ mediaType, digest, size: bytes.length },
    platform: { os: 'linux', architecture },
  }));
  const type = 'application/vnd.oci.image.index.v1+json';
  const put = await fetch(`http://${world.registry}/v2/team/app/manifests/index`, {
    method: 'PUT',
    headers: {
      'content-type': type,
      authorization: `Basic ${Buffer.from(Object.values(REGISTRY_LOGIN).join(':')).toString('base64')}`,
    },
    body: JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }),
  });
  return put.headers.get('docker-content-digest') ?? '';
}

/** The whole way of a change up to and including a deploy that is expected to fail; undone afterwards. */
async function deployAndUndo(context: PlatformContext): Promise<unknown> {
  await swarm.claim(context);
  const prior = await swarm.recordPrior(context);
  const failure: unknown = await swarm.deploy(context).then(
    (note) => `deployed: ${note}`,
    (error: unknown) => error,
  );
  await swarm.undo(context, prior);
  return failure;
}

function refusal(what: RegExp, why?: RegExp): unknown {
  return expect.objectContaining({
    type: 'Refused',
    message: expect.stringMatching(what) as string,
    ...(why === undefined
      ? {}
      : { details: [expect.objectContaining({ why: expect.stringMatching(why) as string })] }),
  });
}

describe('a good release', () => {
  beforeEach(() => givenService());

  test('is deployed by digest, and undone to exactly what was there', async () => {
    const context = on('v2');
    const before = await runningTasks();
    await swarm.claim(context);
    expect(await runningTasks()).toBe(before);
    const prior = await swarm.recordPrior(context);
    expect(await swarm.proveWayBack(context, prior)).toContain(world.digests.v1);
    expect(await swarm.deploy(context)).toContain('1 of 1');
    expect(await imageInSpec()).toBe(world.image('v2'));
    expect(await swarm.logs(context, 10)).toContain('started v2');
    const tasks = await runningTasks();
    expect(await swarm.deploy(context)).toContain('1 of 1');
    expect(await runningTasks()).toBe(tasks);
    expect(await swarm.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await imageInSpec()).toBe(world.image('v1'));
    expect(await swarm.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
  });

  test('that starts slowly, inside its start period, does not fail', async () => {
    await swarm.claim(on('slow'));
    expect(await swarm.deploy(on('slow'))).toContain('1 of 1');
  });

  test('goes on when the worker stops in the middle and another one takes over', async () => {
    const stopping = new AbortController();
    const context = on('slow');
    await swarm.claim(context);
    const first = swarm.deploy({ ...context, signal: stopping.signal });
    const ended = failureOf(first);
    await expect.poll(() => imageInSpec(), { timeout: 60_000 }).toBe(world.image('slow'));
    stopping.abort('detach');
    expect(await ended).toBeInstanceOf(Error);
    expect(await swarm.deploy(context)).toContain('1 of 1');
    const tasks = await world.docker('service', 'ps', '-q', '--filter', 'desired-state=shutdown', service);
    expect(tasks.split('\n')).toHaveLength(1);
  });

  test('is refused before anything is touched when its index has nothing for the host', async () => {
    const only = async (...architectures: string[]): Promise<PlatformContext> => {
      const artifact = { name: 'app', kind: 'image', repository: world.repository } as const;
      return on('v2', { artifacts: [{ ...artifact, digest: await pushIndex('v2', architectures) }] });
    };
    const found = await swarm.preflight(await only('arm64', 's390x'));
    expect(found.filter(({ state }) => state === 'problem')).toEqual([
      expect.objectContaining({
        message: 'image has no linux/amd64 variant for host swarm-1 (it has linux/arm64, linux/s390x)',
        wayOut: expect.stringContaining('add linux/amd64 to platforms') as string,
      }),
    ]);
    const both = await swarm.preflight(await only('arm64', 'amd64'));
    expect(both.filter(({ state }) => state === 'problem')).toEqual([]);
  });

  test('keeps the scale somebody chose meanwhile when it is undone', async () => {
    const context = on('v2');
    await swarm.claim(context);
    const prior = await swarm.recordPrior(context);
    await swarm.deploy(context);
    await world.docker('service', 'scale', '--detach', `${service}=2`);
    await swarm.undo(context, prior);
    expect(await imageInSpec()).toBe(world.image('v1'));
    expect((await runningTasks()).split('\n')).toHaveLength(2);
  });
});

describe('a bad release fails by name, and is undone', () => {
  beforeEach(() => givenService());

  test('its container exits at once', async () => {
    expect(await deployAndUndo(on('exits'))).toEqual(
      refusal(/its container exits/, /cannot find config\.toml/),
    );
    expect(await imageInSpec()).toBe(world.image('v1'));
  });

  test('its health check fails', async () => {
    expect(await deployAndUndo(on('unhealthy'))).toEqual(
      refusal(/its health check fails/, /health check exited 1: database is down[^]*serving/),
    );
    expect(await imageInSpec()).toBe(world.image('v1'));
  });

  test('it is not up before the deadline', async () => {
    const context = on('starting');
    context.target.plan = { ...plan, timeoutMs: 6_000 };
    const failure = swarm.claim(context).then(() => swarm.deploy(context));
    await expect(failure).rejects.toEqual(refusal(/did not converge in time \(0 of 1 .*starting/));
  });

  test('Swarm rolls it back by itself and calls that success', async () => {
    await world.docker('service', 'update', '--detach', '--update-failure-action', 'rollback', service);
    expect(await deployAndUndo(on('exits'))).toEqual(
      refusal(/Swarm rolled it back by itself/, /cannot find config\.toml/),
    );
    expect(await imageInSpec()).toBe(world.image('v1'));
  });
});

describe('what is wrong with the place is told apart', () => {
  beforeEach(() => givenService());

  /** The team's own change of the service that makes every new task fail; undone before our undo is looked at. */
  async function deployAfter(...update: string[]): Promise<unknown> {
    await world.docker('service', 'update', '--detach', ...update, service);
    const context = on('v2');
    await swarm.claim(context);
    return await swarm.deploy(context).catch((error: unknown) => error);
  }

  test('0 of 0 replicas, before anything is touched', async () => {
    expect(await deployAfter('--replicas', '0')).toEqual(refusal(/asks for 0 replicas/));
    expect(await imageInSpec()).toBe(world.image('v1'));
    const findings = await swarm.preflight(on('v2'));
    expect(findings.find(({ state }) => state === 'problem')?.message).toContain('0 replicas');
  });

  test('no node has the memory', async () => {
    expect(await deployAfter('--reserve-memory', '900GB')).toEqual(refusal(/no node has the memory or CPU/));
  });

  test('no node fits the constraints', async () => {
    expect(await deployAfter('--constraint-add', 'node.labels.zone==moon')).toEqual(
      refusal(/no node may run it .*scheduling constraints/),
    );
  });

  test('a mount that is not there', async () => {
    expect(await deployAfter('--mount-add', 'type=bind,src=/missing,dst=/x')).toEqual(
      refusal(/cannot be started .*bind source path does not exist/),
    );
  });
});

describe('the registry is asked before anything is touched', () => {
  beforeEach(() => givenService());

  test('a missing login is named, with the line that cures it', async () => {
    await world.logOut();
    try {
      const findings = await swarm.preflight(on('v3'));
      expect(findings.filter(({ state }) => state === 'problem')).toEqual([
        {
          where: 'prod host swarm-1',
          thing: `image ${world.image('v3')}`,
          state: 'problem',
          message: `no credentials for ${world.registry} for user deploy`,
          wayOut: `run there as deploy: docker login ${world.registry} -u USER --password-stdin (docs/hosts.md#registry-login)`,
        },
      ]);
      await swarm.claim(on('v3'));
      await expect(swarm.deploy(on('v3'))).rejects.toEqual(refusal(/no credentials for/));
      expect(await imageInSpec()).toBe(world.image('v1'));
      const { registry } = world;
      const registryLogin = { server: registry, ...REGISTRY_LOGIN };
      expect(await swarm.deploy({ ...on('v3'), registryLogin })).toContain('1 of 1');
    } finally {
      await world.logIn();
    }
  });

  test('an image it does not have', async () => {
    const context = on('v2');
    context.target.artifacts = [
      { name: 'app', kind: 'image', repository: world.repository, digest: `sha256:${'0'.repeat(64)}` },
    ];
    await swarm.claim(context);
    await expect(swarm.deploy(context)).rejects.toEqual(refusal(/has no image/));
    expect(await imageInSpec()).toBe(world.image('v1'));
  });

  test('a registry that is down; the way back does not need it', async () => {
    const context = on('v2');
    await swarm.claim(context);
    const prior = await swarm.recordPrior(context);
    await swarm.deploy(context);
    await world.stopRegistry();
    try {
      await world.forget('exits');
      await expect(swarm.deploy(on('exits'))).rejects.toEqual(refusal(/cannot be reached from this host/));
      expect(await swarm.undo(context, prior)).toMatchObject({ outcome: 'undone' });
      expect(await imageInSpec()).toBe(world.image('v1'));
    } finally {
      await world.startRegistry();
    }
  });
});

describe('fences and foreign hands', () => {
  beforeEach(() => givenService());

  test('an older change is refused once a newer one has claimed', async () => {
    await swarm.claim(on('v2', { token: 5 }));
    const stale = expect.objectContaining({ type: 'StaleFence' }) as unknown;
    await expect(swarm.claim(on('v2', { token: 4 }))).rejects.toEqual(stale);
    await expect(swarm.deploy(on('v2', { token: 4 }))).rejects.toEqual(stale);
    expect(await imageInSpec()).toBe(world.image('v1'));
  });

  test('a change that waits is told when a newer one claims', async () => {
    const context = on('starting', { token: 4 });
    await swarm.claim(context);
    const waiting = failureOf(swarm.deploy(context));
    await expect.poll(() => imageInSpec(), { timeout: 60_000 }).toBe(world.image('starting'));
    await swarm.claim(on('v2', { token: 5 }));
    expect(await waiting).toMatchObject({ type: 'StaleFence' });
  });

  test('a deploy that comes after the undo has begun is refused', async () => {
    const context = on('v2', { token: 6 });
    await swarm.claim(context);
    const prior = await swarm.recordPrior(context);
    await context.host.claim({ ...context.fence, way: 'back' }, '');
    await swarm.undo(context, prior);
    const late: PlatformContext = { ...context, fence: { ...context.fence, way: 'forward' } };
    expect(await failureOf(swarm.deploy(late))).toMatchObject({ type: 'StaleFence' });
    expect(await imageInSpec()).toBe(world.image('v1'));
  });

  test('a second pipeline is refused', async () => {
    await swarm.claim(on('v2'));
    const other = on('v2');
    other.target.plan = { ...plan, pipeline: 'other' };
    other.fence = { ...other.fence, pipeline: 'other' };
    await expect(swarm.claim(other)).rejects.toEqual(refusal(/belongs to shop\/prod, not to other\/prod/));
    const findings = await swarm.preflight(other);
    expect(findings.find(({ state }) => state === 'problem')?.message).toBe('belongs to shop/prod');
  });

  test('undo stops when somebody else has deployed, and says what it saw', async () => {
    const context = on('v2');
    await swarm.claim(context);
    const prior = await swarm.recordPrior(context);
    await swarm.deploy(context);
    await world.docker(
      'service',
      'update',
      '--detach',
      '--with-registry-auth',
      '--image',
      world.image('v3'),
      service,
    );
    await expect(swarm.undo(context, prior)).rejects.toMatchObject({
      type: 'ForeignHand',
      message: expect.stringContaining(world.image('v3')) as string,
    });
    expect(await imageInSpec()).toBe(world.image('v3'));
  });

  test('undo stops when somebody else has changed the environment of the service', async () => {
    const context = on('v2');
    await swarm.claim(context);
    const prior = await swarm.recordPrior(context);
    await swarm.deploy(context);
    await world.docker('service', 'update', '--detach', '--env-add', 'DEBUG=1', service);
    await expect(swarm.undo(context, prior)).rejects.toMatchObject({ type: 'ForeignHand' });
  });
});

describe('colours', () => {
  test('a retired colour has no tasks, and the next deploy gives it its replicas back', async () => {
    await givenService('--replicas', '2');
    await swarm.claim(on('v2'));
    expect(await swarm.retire(on('v2'), 'blue')).toMatchObject({ outcome: 'undone' });
    expect(await runningTasks()).toBe('');
    expect(await swarm.retire(on('v2'), 'blue')).toMatchObject({ outcome: 'never-ran' });
    const prior = await swarm.recordPrior(on('v2'));
    expect(await swarm.deploy(on('v2'))).toContain('2 of 2');
    expect(await swarm.undo(on('v2'), prior)).toMatchObject({ outcome: 'undone' });
    expect(await runningTasks()).toBe('');
  });
});

test('a release of other images is refused, and its undo is nothing', async () => {
  await givenService();
  const context = on('v2');
  const digest = world.digests.v2;
  context.target.artifacts = ['api', 'worker'].map((name) => ({
    name,
    kind: 'image',
    repository: `${world.registry}/team/${name}`,
    digest,
  }));
  await swarm.claim(context);
  const prior = await swarm.recordPrior(context);
  await expect(swarm.deploy(context)).rejects.toEqual(refusal(/this release builds .*api, .*worker/));
  expect(await swarm.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
});

test('a service that is not there is refused with the way to make it', async () => {
  plan = world.plan({ kind: 'swarm', service: 'nowhere', fields: {} });
  await expect(swarm.claim(on('v1'))).rejects.toEqual(
    refusal(/no service nowhere.*docker service create --name nowhere/),
  );
  const findings = await swarm.preflight(on('v1'));
  expect(findings.find(({ thing }) => thing === 'service nowhere')).toMatchObject({ state: 'problem' });
});
