/** Platform `helm`: the chart of a commit with the real helm, against a real control plane. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { helm } from '../../activities/platforms/helm.js';
import { keeperOf, type PlatformContext } from '../../activities/platforms/platform.js';
import { failureOf } from '../support/failure-of.js';
import { CHART, givenHelm, type HelmScene } from '../support/helm-chart.js';
import { startKubernetesWorld, type KubernetesWorld, type PodRelease } from '../support/kubernetes-world.js';
import { killProcessesWith, until } from '../support/processes.js';

let world: KubernetesWorld;
let scene: HelmScene;
let name: string;
let count = 0;

beforeAll(async () => {
  world = await startKubernetesWorld();
  scene = await givenHelm(world);
});

afterAll(async () => {
  await scene?.stop();
  await world?.stop();
});

beforeEach(async () => {
  count += 1;
  name = `shop-${count}`;
  await scene.commit({ ...CHART, 'charts/app/templates/more.yaml': '' });
});

interface On {
  token?: number;
  platform?: Parameters<HelmScene['platform']>[1];
}

function on(release: PodRelease, { token = 1, platform }: On = {}): PlatformContext {
  const plan = scene.plan(scene.platform(name, platform), { name: `prod-${count}`, timeoutMs: 20_000 });
  return scene.context(scene.target(release, plan, { token }));
}

async function begun(context: PlatformContext): Promise<unknown> {
  await keeperOf(helm, context).claim(context.fence);
  return await helm.recordPrior(context);
}

async function problems(context: PlatformContext): Promise<string[]> {
  return (await helm.preflight(context))
    .filter(({ state }) => state === 'problem')
    .map(({ thing, message }) => `${thing}: ${message}`);
}

test('a first release is installed, and its undo uninstalls it', async () => {
  const context = on('v1');
  const prior = await begun(context);
  expect(prior).toBeNull();
  await helm.deploy(context);
  expect(await world.runs(name)).toBe('v1');
  expect((await world.workload(name))?.spec.template.spec.containers[0]?.image).toBe(
    `registry.test/team/app:v1@sha256:${'1'.repeat(64)}`,
  );
  expect(await helm.undo(context, prior)).toMatchObject({ outcome: 'undone' });
  await until('nothing is left', async () => (await world.runs(name)) === 'gone');
  expect(await helm.undo(context, prior)).toMatchObject({ outcome: 'never-ran' });
});

test('helm exits 0 for a release that crashes: its pods say what it is, and it goes back to the recorded revision', async () => {
  await scene.installByHand(name, 'v1');
  const context = on('crashes');
  const prior = await begun(context);
  await expect(helm.deploy(context)).rejects.toMatchObject({
    type: 'Refused',
    message: expect.stringContaining('its container exits (container app: exit code 3'),
  });
  expect(await helm.undo(context, prior)).toMatchObject({
    outcome: 'undone',
    note: expect.stringContaining(`${name} back on revision 1`),
  });
  expect(await world.runs(name)).toBe('v1');
});

describe('preflight refuses', () => {
  test.each<[string, Record<string, string | null>, RegExp]>([
    [
      'a chart that does not render',
      { 'charts/app/templates/more.yaml': '{{ .Values.no.such.thing }}' },
      /^chart charts\/app: .*does not render: .*nil pointer/s,
    ],
    [
      'a chart that ignores the image of the release',
      {
        'charts/app/templates/deployment.yaml': CHART['charts/app/templates/deployment.yaml'].replace(
          '.Values.image.tag',
          '"latest"',
        ),
      },
      /no workload of the chart would run registry\.test\/team\/app@sha256:2/,
    ],
    [
      'an object for another namespace',
      {
        'charts/app/templates/more.yaml':
          'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n',
      },
      /names namespace kube-system, and the platform is for web/,
    ],
    ['a folder without a chart', { 'charts/app/Chart.yaml': null }, /is no chart at this commit/],
  ])('%s', async (_what, files, says) => {
    await scene.commit(files);
    expect(await problems(on('v2'))).toEqual([expect.stringMatching(says)]);
    await expect(helm.deploy(on('v2'))).rejects.toMatchObject({ type: 'Refused' });
    expect(await world.workload(name)).toBeNull();
  });

  test('a link that leads out of the repository', async () => {
    await scene.link('charts/app/secret.txt', '/etc/hostname');
    expect(await problems(on('v2'))).toEqual([expect.stringContaining('leads out of the repository')]);
    await scene.commit({ 'charts/app/secret.txt': null });
  });

  test('a worker without helm', async () => {
    const before = process.env['PATH'];
    process.env['PATH'] = '/usr/bin:/bin';
    try {
      expect(await problems(on('v2'))).toEqual(['helm: not found on the PATH of the worker']);
    } finally {
      process.env['PATH'] = before;
    }
  });
});

describe('a helm that is killed', () => {
  const HOOK = `
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-hook", annotations: {helm.sh/hook: pre-upgrade}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: wait, image: busybox}]}}}
`;

  /** Its release stays pending-upgrade; nobody plays jobs here, so the hook never ends. */
  async function killed(): Promise<{ context: PlatformContext; prior: unknown }> {
    await scene.installByHand(name, 'v1');
    await scene.commit({ 'charts/app/templates/more.yaml': HOOK });
    const context = on('v2');
    const prior = await begun(context);
    const failed = failureOf(helm.deploy(context));
    await until('helm is in the middle', async () => (await status()) === 'pending-upgrade');
    await killProcessesWith(`helm upgrade --install ${name}`);
    await failed;
    expect(await status()).toBe('pending-upgrade');
    return { context, prior };
  }

  async function status(): Promise<string> {
    const history: unknown = JSON.parse(await scene.byHand('history', name, '--output', 'json'));
    return (history as { status: string }[]).at(-1)?.status ?? '';
  }

  test('is undone to the recorded revision', async () => {
    const { context, prior } = await killed();
    expect(await helm.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await status()).toBe('deployed');
    expect(await world.runs(name)).toBe('v1');
  });

  test('does not keep the next release out', async () => {
    await killed();
    await scene.commit({ 'charts/app/templates/more.yaml': '' });
    const next = on('v3', { token: 2 });
    await begun(next);
    await helm.deploy(next);
    expect(await status()).toBe('deployed');
    expect(await world.runs(name)).toBe('v3');
  });

  test('and was somebody else’s is not touched', async () => {
    await scene.installByHand(name, 'v1');
    await scene.commit({ 'charts/app/templates/more.yaml': HOOK });
    const strangers = failureOf(scene.installByHand(name, 'v4'));
    await until('helm is in the middle', async () => (await status()) === 'pending-upgrade');
    await killProcessesWith(`helm upgrade --install ${name}`);
    await strangers;
    const context = on('v2');
    await begun(context);
    await expect(helm.deploy(context)).rejects.toMatchObject({
      type: 'ForeignHand',
      message: expect.stringContaining('is pending-upgrade: somebody else'),
    });
  });
});

test('no kubeconfig and no chart is left behind in the worker’s home', async () => {
  const context = on('v1');
  await begun(context);
  await helm.deploy(context);
  const left = await context.host.run({
    argv: ['sh', '-c', 'find "$HOME/.slipway/helm" -type f'],
    timeoutMs: 10_000,
  });
  expect(left.stdout).toBe('');
});

test('a colour is scaled to 0 and comes back with the next release', async () => {
  const platform = { release: `${name}-{colour}` };
  const blue = on('v1', { platform });
  const context = { ...blue, target: { ...blue.target, colour: 'blue' as const } };
  await begun(context);
  await helm.deploy(context);
  expect(await helm.retire(context, 'blue')).toMatchObject({ outcome: 'undone' });
  expect(await world.runs(`${name}-blue`)).toBe('gone');
  const again = on('v2', { platform, token: 2 });
  const next = { ...again, target: { ...again.target, colour: 'blue' as const } };
  await begun(next);
  await helm.deploy(next);
  expect(await world.runs(`${name}-blue`)).toBe('v2');
});
