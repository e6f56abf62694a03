/**
 * `{logs: PATTERN}` on a real control plane whose pods' logs are read through the API server, by the kubelet's own code: which
 * lines count, and when nobody knows them all.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOG_COUNT } from '../../activities/checks/log-count.js';
import { kubernetes } from '../../activities/platforms/kubernetes.js';
import { helm } from '../../activities/platforms/helm.js';
import { createNewLogs, type ReadNewLogs } from '../../activities/platforms/open-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import { givenHelm } from '../support/helm-chart.js';
import { startKubernetesWorld, type KubernetesWorld } from '../support/kubernetes-world.js';
import { createPodLogs, type PodLog, type PodLogs } from '../support/kwok-logs.js';
import { watchLogs, type LogWatch } from '../support/log-watch.js';
import { plantToken } from '../support/planted.js';
import { until } from '../support/processes.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

const TOKEN = plantToken('tok-');

let world: KubernetesWorld;
let logs: PodLogs;
let read: ReadNewLogs;

beforeAll(async () => {
  world = await startKubernetesWorld('kwok with logs');
  logs = await createPodLogs(world.cluster, world.namespace);
  read = createNewLogs({ ...NO_REPOSITORY, ...world });
});
afterAll(async () => {
  await logs?.remove();
  await world?.stop();
});

const watch = (target: Target, deployedMsAgo: number | null = 60_000): LogWatch =>
  watchLogs({ read, target, deployedMsAgo, secrets: world.secrets });

interface PodList {
  items: { metadata: { name: string }; spec: { containers: { image: string }[] } }[];
}

const podPath = (pod: string): string => `/api/v1/namespaces/${world.namespace}/pods/${pod}`;

async function podsOf(name: string): Promise<PodList['items']> {
  const found = (await world.cluster.call('GET', `${podPath('')}?labelSelector=app%3D${name}`)) as PodList;
  return found.items;
}

/** A deployment of v1 with a log for each of its pods. */
async function givenPods(name: string): Promise<{ target: Target; pods: string[]; written: PodLog[] }> {
  await world.createWorkload(name, 'v1');
  const target = world.target('v1', world.plan(world.platform(name)));
  return { target, ...(await withLogs(name)) };
}

async function withLogs(name: string): Promise<{ pods: string[]; written: PodLog[] }> {
  const pods = (await podsOf(name)).map(({ metadata }) => metadata.name);
  return { pods, written: await Promise.all(pods.map((pod) => logs.open(pod))) };
}

const at = (written: PodLog[], index: number): PodLog => {
  const log = written[index];
  if (log === undefined) throw new Error(`there is no pod ${index}`);
  return log;
};

/** As a kubelet says it: `again` = it waits for its next start. */
async function sayRestarted(pod: string, restartCount: number, again = false): Promise<void> {
  const ended = { exitCode: 1, reason: 'Error', startedAt: new Date().toISOString() };
  const state = again ? { waiting: { reason: 'CrashLoopBackOff' } } : { running: {} };
  const container = { name: 'app', image: '', imageID: '', ready: !again, restartCount, state };
  const containerStatuses = [{ ...container, lastState: { terminated: ended } }];
  await world.cluster.call('PATCH', `${podPath(pod)}/status`, { status: { containerStatuses } });
}

const saying = (why: RegExp): object => ({
  verdict: 'inconclusive',
  detail: expect.stringMatching(why) as string,
});

describe('lines of a release', () => {
  it('count once, on every pod of the new revision, and on no other', async () => {
    const name = 'counted';
    const { written: old } = await givenPods(name);
    for (const log of old) await log.write('ERROR of the release before');
    const target = world.target('v2', world.plan(world.platform(name)));
    await kubernetes.deploy(world.context(target));
    await until('the pods of v2 to be alone', async () => (await podsOf(name)).length === 2);
    const { ask, logCounts } = watch(target);
    const { written } = await withLogs(name);
    expect(await ask()).toMatchObject({
      verdict: 'passed',
      detail: '0 lines match ERROR|Traceback, at most 0',
    });

    await world.secrets.resolve(world.kubeconfig(TOKEN));
    await at(written, 0).write('all is well');
    await at(written, 1).write(`ERROR no login with ${TOKEN}`);
    const found = await ask();
    expect(found).toMatchObject({
      verdict: 'failed',
      detail: expect.stringMatching(
        /^1 line matches .* \| cluster: ERROR no login with \[env:.*\]$/,
      ) as string,
    });
    expect(await ask({ max: 1 })).toMatchObject({ verdict: 'passed' });
    await at(written, 0).write('ERROR on the other pod');
    expect((await ask()).detail).toMatch(/^2 lines match/);

    // a worker that takes over counts on from the heartbeat
    const taken = watch(target);
    taken.logCounts.set(
      'clean-logs',
      LOG_COUNT.parse(JSON.parse(JSON.stringify(logCounts.get('clean-logs')))),
    );
    expect((await taken.ask()).detail).toMatch(/^2 lines match/);
  });

  it('of before the deploy do not count, where the pod was kept', async () => {
    const { target, written } = await givenPods('kept');
    await at(written, 0).write('ERROR long ago', new Date(Date.now() - 30_000));
    expect(await watch(target, 60_000).ask()).toMatchObject({ verdict: 'failed' });
    expect(await watch(target, 5_000).ask()).toMatchObject({ verdict: 'passed' });
    expect(await watch(target, null).ask()).toMatchObject({ verdict: 'inconclusive' });
  });

  it('are also the last words of a container that was restarted, each once', async () => {
    const { target, pods, written } = await givenPods('dies');
    const { ask } = watch(target);
    const [log, pod = ''] = [at(written, 0), pods[0]];
    await log.write('ready');
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await log.write('Traceback (most recent call last)');
    await log.restart();
    await sayRestarted(pod, 1);
    expect((await ask()).detail).toMatch(/^1 line matches/);
    await log.write('ready again');
    await log.write('ERROR of the second');
    expect((await ask()).detail).toMatch(/^2 lines match/);
    // died again, and waits: its log is the one of the run before
    await log.write('ERROR at its end');
    await log.restart();
    await sayRestarted(pod, 1, true);
    for (let look = 0; look < 2; look += 1) expect((await ask()).detail).toMatch(/^3 lines match/);
    await log.write('ERROR of the third');
    await sayRestarted(pod, 2);
    expect((await ask()).detail).toMatch(/^4 lines match/);
  });

  it('are its last words also where the cluster does not know of the restart yet', async () => {
    const { target, pods, written } = await givenPods('lags');
    const { ask } = watch(target);
    const log = at(written, 0);
    await log.write('ready');
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await log.write('Traceback (most recent call last)');
    await log.restart();
    await log.write('ready again');
    expect((await ask()).detail).toMatch(/^1 line matches/);
    await sayRestarted(pods[0] ?? '', 1);
    expect((await ask()).detail).toMatch(/^1 line matches/);
  });

  it('of a chart are those of every workload with its image', async () => {
    const scene = await givenHelm(world);
    try {
      const target = scene.target('v1', scene.plan(scene.platform('shop')));
      await helm.deploy(scene.context(target));
      const readChart = createNewLogs({ ...NO_REPOSITORY, ...world });
      const { ask } = watchLogs({ read: readChart, target, deployedMsAgo: 60_000, secrets: world.secrets });
      const { written } = await withLogs('shop');
      expect(await ask()).toMatchObject({ verdict: 'passed' });
      for (const log of written) await log.write('ERROR in the chart');
      expect((await ask()).detail).toMatch(/^2 lines match/);
      await scene.byHand('uninstall', 'shop');
      expect(await ask()).toMatchObject(saying(/shop is not installed/));
    } finally {
      await scene.stop();
    }
  });
});

describe('is inconclusive, never green', () => {
  it('when a container was restarted more often than its log was read', async () => {
    const { target, pods, written } = await givenPods('flaps');
    const { ask } = watch(target);
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await at(written, 0).restart();
    await sayRestarted(pods[0] ?? '', 3);
    expect(await ask()).toMatchObject(saying(/flaps-\S+\/app: it was restarted more often/));
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    // who only comes now does not know the first runs either
    expect(await watch(target).ask()).toMatchObject(saying(/restarted more often/));
    expect(await ask()).toMatchObject({ verdict: 'passed' });
  });

  it('when its log was begun anew between two looks', async () => {
    const { target, written } = await givenPods('rotates');
    const { ask } = watch(target);
    const log = at(written, 0);
    await log.write('one');
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await log.write('ERROR that nobody has read');
    await log.rotate();
    await log.write('two');
    expect(await ask()).toMatchObject(saying(/begun anew/));
    await log.write('ERROR after it');
    expect((await ask()).detail).toMatch(/^1 line matches/);
  });

  it('when a run before was taken from the disk, told once; when the present one was, as long as it is', async () => {
    const { target, pods, written } = await givenPods('loses');
    const { ask } = watch(target);
    const log = at(written, 0);
    await log.write('one');
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await log.rotate();
    await sayRestarted(pods[0] ?? '', 1);
    expect(await ask()).toMatchObject(saying(/no such file/));
    await log.write('two');
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await log.lose();
    for (let look = 0; look < 2; look += 1) expect(await ask()).toMatchObject(saying(/no such file/));
  });

  it('when a pod went with its log', async () => {
    const { target, pods } = await givenPods('scaled');
    const { ask } = watch(target);
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    await world.patch('scaled', { spec: { replicas: 1 } });
    await until('one pod to be gone', async () => (await podsOf('scaled')).length === 1);
    const [left] = await podsOf('scaled');
    const gone = pods.find((pod) => pod !== left?.metadata.name) ?? '';
    expect(await ask()).toMatchObject(saying(new RegExp(`${gone}/app is gone`)));
    expect(await ask()).toMatchObject({ verdict: 'passed' });
  });

  it('when no pod of this release is there', async () => {
    await givenPods('others');
    const target = world.target('v2', world.plan(world.platform('others')));
    expect(await watch(target).ask()).toMatchObject(saying(/no pod of this release/));
    const gone = world.target('v2', world.plan(world.platform('no-such')));
    await expect(watch(gone).ask()).rejects.toThrow(/no deployment\/no-such/);
  });

  it('when the kubelet cannot be asked, and goes on where it was when it can', async () => {
    const { target, written } = await givenPods('unheard');
    const { ask } = watch(target);
    await at(written, 0).write('one');
    expect(await ask()).toMatchObject({ verdict: 'passed' });
    const node = '/api/v1/nodes/node-1';
    const { status } = (await world.cluster.call('GET', node)) as {
      status: { daemonEndpoints: { kubeletEndpoint: { Port: number } } };
    };
    const endpoints = (Port: number): unknown => ({
      status: { daemonEndpoints: { kubeletEndpoint: { Port } } },
    });
    await world.cluster.call('PATCH', `${node}/status`, endpoints(9));
    await at(written, 0).write('ERROR meanwhile');
    try {
      await until('the API server to miss it', async () => (await ask()).verdict === 'inconclusive');
      expect(await ask()).toMatchObject(saying(/unheard-\S+\/app: the API server answers 5\d\d: .*refused/));
    } finally {
      await world.cluster.call(
        'PATCH',
        `${node}/status`,
        endpoints(status.daemonEndpoints.kubeletEndpoint.Port),
      );
    }
    await until('it to be heard again', async () => (await ask()).verdict === 'failed');
    expect((await ask()).detail).toMatch(/^1 line matches/);
  });

  it('when the kubeconfig may not read logs, which the preflight of a release that counts lines says before', async () => {
    const { target } = await givenPods('unread');
    const kubeconfig = world.kubeconfig(world.cluster.kubeconfigFor(world.tokenOf('deployer', 3_600)));
    await world.mayDeploy('deployer', []);
    const plan = world.plan(world.platform('unread', { kubeconfig }));
    expect(await watch({ ...target, plan }).ask()).toMatchObject(saying(/may not do this/));
    const check = { name: 'clean-logs', kind: 'logs', pattern: 'x', max: 0 } as const;
    const tries = { timeoutMs: 1, retries: 0, intervalMs: 1, startPeriodMs: 0 };
    const states = await Promise.all(
      [[], [{ ...check, ...tries }]].map(async (checks) => {
        const findings = await kubernetes.preflight(world.context({ ...target, plan: { ...plan, checks } }));
        return findings.find(({ thing }) => thing === 'right to get pods/log')?.state;
      }),
    );
    expect(states).toEqual(['warning', 'problem']);
  });
});
