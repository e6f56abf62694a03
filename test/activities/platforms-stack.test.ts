/** Platform `stack` against a real Swarm over SSH: the file is git's, every service is waited for, undo is exact. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import { versionedName } from '../../activities/platforms/docker-secrets.js';
import { stack } from '../../activities/platforms/stack.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { failureOf } from '../support/failure-of.js';
import { REGISTRY_LOGIN, startSwarmWorld, type Release, type SwarmWorld } from '../support/swarm-world.js';

let world: SwarmWorld;
let name: string;
let count = 0;

beforeAll(async () => {
  world = await startSwarmWorld();
  await world.logIn();
});

afterAll(() => world?.stop());

beforeEach(() => {
  count += 1;
  name = `shop-${count}`;
});

const TEMPLATE = `
version: "3.8"
x-quick: &quick
  stop_grace_period: 1s
  deploy: {update_config: {monitor: 700ms}, restart_policy: {delay: 200ms}}
services:
  web:
    <<: *quick
    image: REPOSITORY:\${IMAGE_TAG}
    environment: {GREETING: "\${GREETING:-none}"}
    networks: [inner]
    volumes: ["data:/data"]
  job:
    <<: *quick
    image: REPOSITORY:\${IMAGE_TAG}
    networks: [inner]
networks: {inner: {}}
volumes: {data: {}}
`;

function planFor(text: string): EnvironmentPlan {
  const filled = text.replaceAll('REPOSITORY', world.repository);
  const each = (value: string): { live: string; blue: string; green: string } => ({
    live: value,
    blue: value,
    green: value,
  });
  return world.plan({
    kind: 'stack',
    files: each(filled),
    names: { live: name, blue: `${name}-blue`, green: `${name}-green` },
  });
}

function on(release: Release, change: Partial<Target> = {}, text = TEMPLATE): PlatformContext {
  return world.context(world.target(release, planFor(text), change));
}

const images = (): Promise<string> =>
  world.docker('stack', 'services', '--format', '{{.Name}} {{.Image}}', name);

describe('a first release', () => {
  test('is created, labelled, and removed again by undo, its volume kept', async () => {
    const context = on('v1');
    await stack.claim(context);
    const prior = await stack.recordPrior(context);
    expect(prior).toBeNull();
    expect(await stack.deploy(context)).toContain(`${name}_web 1 of 1`);
    expect(await images()).toContain(`${name}_web ${world.image('v1')}`);
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await images()).toBe('');
    expect(await world.docker('network', 'ls', '-q', '--filter', `name=${name}_inner`)).toBe('');
    expect(await world.docker('volume', 'ls', '-q')).toContain(`${name}_data`);
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
  });
});

/** v1 is there, and recorded for a release of v2. */
async function givenStack(text = TEMPLATE): Promise<void> {
  await stack.deploy(on('v1', {}, text));
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

const OTHER_IMAGE = `
  cache:
    <<: *quick
    image: REPOSITORY@V1
    networks: [inner]
networks:`;

describe('a further release', () => {
  test('moves every service, and undo brings back specs, pruned services and the file', async () => {
    const withCache = (): string =>
      TEMPLATE.replace('\nnetworks:', OTHER_IMAGE).replace('REPOSITORY@V1', world.image('v1'));
    await givenStack(withCache());
    const before = await images();
    expect(before).toContain(`${name}_cache`);

    const context = on('v2', { token: 2 }, TEMPLATE.replace('  job:', '  worker:'));
    context.env = { GREETING: 'hello; $(rm -rf /)' };
    await stack.claim(context);
    const prior = await stack.recordPrior(context);
    expect(await stack.proveWayBack(context, prior)).toContain(world.digests.v1);
    await stack.deploy(context);
    const after = await images();
    expect(after).toContain(`${name}_worker ${world.image('v2')}`);
    expect(after).not.toContain(`${name}_cache`);
    expect(await stack.logs(context, 5)).toContain('started v2');
    const env = ['service', 'inspect', '--format', '{{.Spec.TaskTemplate.ContainerSpec.Env}}', `${name}_web`];
    expect(await world.docker(...env)).toBe('[GREETING=hello; $(rm -rf /)]');

    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect((await images()).split('\n').sort()).toEqual(before.split('\n').sort());
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
    const file = await world.host.run(['cat', `${world.host.home}/.slipway/stacks/${name}/stack.yml`]);
    expect(file.stdout).toBe(withCache().replaceAll('REPOSITORY', world.repository));
  });

  test('an undo whose worker died after the services takes away the rest when it is done again', async () => {
    await givenStack();
    const withOuter = TEMPLATE.replace('networks: {inner: {}}', 'networks: {inner: {}, outer: {}}').replace(
      '[inner]',
      '[inner, outer]',
    );
    const context = on('v2', { token: 2 }, withOuter);
    await stack.claim(context);
    const prior = await stack.recordPrior(context);
    await stack.deploy(context);
    const outer = ['network', 'ls', '-q', '--filter', `name=${name}_outer`];
    expect(await world.docker(...outer)).not.toBe('');
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await world.docker(...outer)).toBe('');
    // the same moment: services are back, the network is still there
    const label = `com.docker.stack.namespace=${name}`;
    await world.docker('network', 'create', '--driver', 'overlay', '--label', label, `${name}_outer`);
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
    expect(await world.docker(...outer)).toBe('');
    expect(await world.docker('network', 'ls', '-q', '--filter', `name=${name}_inner`)).not.toBe('');
  });

  test('in which one of several services fails is undone whole', async () => {
    await givenStack();
    const before = await images();
    const bad = TEMPLATE.replace(
      '  job:\n',
      '  job:\n    command: ["/bin/sh", "-c", "echo no queue >&2; exit 7"]\n',
    );
    const context = on('v2', { token: 2 }, bad);
    await stack.claim(context);
    const prior = await stack.recordPrior(context);
    await expect(stack.deploy(context)).rejects.toEqual(refusal(/_job: its container exits/, /no queue/));
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await images()).toBe(before);
  });

  test('goes on when the worker stops in the middle and another one takes over', async () => {
    await givenStack();
    const context = on('slow', { token: 2 });
    await stack.claim(context);
    const stopping = new AbortController();
    const ended = failureOf(stack.deploy({ ...context, signal: stopping.signal }));
    await expect.poll(() => images(), { timeout: 60_000 }).toContain(world.digests.slow);
    stopping.abort('detach');
    expect(await ended).toBeDefined();
    expect(await stack.deploy(context)).toContain(`${name}_web 1 of 1`);
  });

  test('undo without a deploy touches nothing', async () => {
    await givenStack();
    const context = on('v2', { token: 2 });
    await stack.claim(context);
    const prior = await stack.recordPrior(context);
    expect(await stack.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
  });
});

describe('whose stack', () => {
  test('one that somebody made by hand is refused, with the lines that hand it over', async () => {
    await world.docker(
      'service',
      'create',
      '--detach',
      '--label',
      `com.docker.stack.namespace=${name}`,
      '--name',
      `${name}_web`,
      world.image('v1'),
    );
    const context = on('v2');
    await expect(stack.claim(context)).rejects.toEqual(
      refusal(new RegExp(`no owner label.*--label-add slipway.owner=shop/prod ${name}_web`)),
    );
    await expect(stack.deploy(context)).rejects.toEqual(refusal(/not ours/));
    await expect(stack.undo(context, null)).rejects.toMatchObject({ type: 'ForeignHand' });
    const findings = await stack.preflight(context);
    expect(findings.find(({ thing }) => thing === `stack ${name}`)).toMatchObject({ state: 'problem' });
  });

  test('undo stops when somebody else has deployed a service by hand', async () => {
    await givenStack();
    const context = on('v2', { token: 2 });
    await stack.claim(context);
    const prior = await stack.recordPrior(context);
    await stack.deploy(context);
    await world.docker('service', 'update', '--detach', '--image', world.image('v3'), `${name}_web`);
    await expect(stack.undo(context, prior)).rejects.toMatchObject({
      type: 'ForeignHand',
      message: expect.stringContaining(world.image('v3')) as string,
    });
  });

  test('an older change is refused once a newer one has claimed', async () => {
    await givenStack();
    await stack.claim(on('v2', { token: 9 }));
    await expect(stack.deploy(on('v2', { token: 8 }))).rejects.toMatchObject({ type: 'StaleFence' });
  });
});

describe('credentials, secrets and colours', () => {
  test('the pipeline has a login of its own: used for one command, and left nowhere', async () => {
    await world.logOut();
    try {
      await expect(stack.deploy(on('v4'))).rejects.toEqual(
        refusal(/no credentials for .* for user deploy.*docker login/),
      );
      const registryLogin = { server: world.registry, ...REGISTRY_LOGIN };
      expect(await stack.deploy({ ...on('v4'), registryLogin })).toContain('1 of 1');
      const left = await world.host.run(['grep', '-rl', 'auths', world.host.home]);
      expect(left.stdout).not.toContain('login-');
    } finally {
      await world.logIn();
    }
  });

  test('a docker secret gets a version of its own, and the service the new value', async () => {
    const text = TEMPLATE.replace(
      '    networks: [inner]\n    volumes',
      '    secrets: [db_password]\n    networks: [inner]\n    volumes',
    ).concat('secrets: {db_password: {external: true}}\n');
    const shows = async (value: string): Promise<void> => {
      await stack.deploy({
        ...on('v1', {}, text),
        dockerSecrets: { db_password: value },
        operationId: (step) => `1-${step}-${value}`,
      });
      const format =
        '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.SecretName}} {{.File.Name}}{{end}}';
      expect(await world.docker('service', 'inspect', '--format', format, `${name}_web`)).toBe(
        `${versionedName('db_password', value)} db_password`,
      );
    };
    await shows('one');
    await shows('two');
    await stack.undo(on('v1', {}, text), null);
    expect(await world.docker('secret', 'ls', '-q')).toBe('');
  });

  test('each colour is a stack of its own; retiring one leaves the other', async () => {
    await stack.deploy(on('v1', { colour: 'blue' }));
    await stack.deploy(on('v2', { colour: 'green' }));
    expect(await stack.retire(on('v2', { colour: 'green' }), 'blue')).toMatchObject({ outcome: 'undone' });
    expect(await stack.retire(on('v2', { colour: 'green' }), 'blue')).toMatchObject({ outcome: 'never-ran' });
    const left = await world.docker('stack', 'ls', '--format', '{{.Name}}');
    expect(left).toContain(`${name}-green`);
    expect(left).not.toContain(`${name}-blue`);
  });
});
