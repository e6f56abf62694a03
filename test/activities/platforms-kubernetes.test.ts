/** Platform `kubernetes` against a real control plane: every way to fail by its name, and what is left of it afterwards. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { kubernetes } from '../../activities/platforms/kubernetes.js';
import { keeperOf, type PlatformContext } from '../../activities/platforms/platform.js';
import type { Fence } from '../../activities/hosts/host.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { createPlatformActivities } from '../../activities/platforms/deploy-activities.js';
import { runActivity } from '../support/run-activity.js';
import { failureOf } from '../support/failure-of.js';
import {
  startKubernetesWorld,
  type KubernetesWorld,
  type PodRelease,
  type WorkloadChange,
} from '../support/kubernetes-world.js';
import { until } from '../support/processes.js';
import { NO_REPOSITORY } from '../support/no-repository.js';

let world: KubernetesWorld;
let name: string;
let count = 0;

beforeAll(async () => {
  world = await startKubernetesWorld();
});

afterAll(() => world?.stop());

beforeEach(() => {
  count += 1;
  name = `app-${count}`;
});

interface On {
  token?: number;
  plan?: Partial<EnvironmentPlan>;
  target?: Partial<Target>;
  platform?: Parameters<KubernetesWorld['platform']>[1];
  context?: Partial<PlatformContext>;
  way?: Fence['way'];
}

function on(release: PodRelease, { token = 1, way, ...change }: On = {}): PlatformContext {
  const plan = world.plan(world.platform(name, change.platform), { name: `prod-${count}`, ...change.plan });
  const context = world.context(world.target(release, plan, { token, ...change.target }), change.context);
  return way === undefined ? context : { ...context, fence: { ...context.fence, way } };
}

async function begun(context: PlatformContext): Promise<unknown> {
  await keeperOf(kubernetes, context).claim(context.fence);
  return await kubernetes.recordPrior(context);
}

/** One pod more may be made, and none taken away before it is ready. */
const SURGE = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } };

interface Bad {
  release: PodRelease;
  workload?: WorkloadChange;
  plan?: Partial<EnvironmentPlan>;
  prepare?: () => Promise<unknown>;
  says: RegExp;
}

const BAD: Record<string, Bad> = {
  'a container that exits': {
    release: 'crashes',
    says: /its container exits \(container app: exit code 3, restarted 3/,
  },
  'a container without memory': { release: 'out-of-memory', says: /more memory than its limit .*OOMKilled/ },
  'an image that is not there': {
    release: 'no-image',
    says: /cannot pull its image \(ImagePullBackOff: .*not found/,
  },
  'a secret that is not there': {
    release: 'bad-config',
    plan: { timeoutMs: 4_000 },
    says: /cannot be started \(CreateContainerConfigError: secret "database" not found/,
  },
  'a pod that never becomes ready': {
    release: 'never-ready',
    plan: { timeoutMs: 3_000 },
    says: /never becomes ready \(container app: readiness probe GET :8080\/ready/,
  },
  'progressDeadlineSeconds that are over': {
    release: 'never-ready',
    workload: { spec: { progressDeadlineSeconds: 2 } },
    says: /never becomes ready/,
  },
  'a quota that is used up': {
    release: 'v2',
    workload: { spec: SURGE, labels: { quota: 'yes' } },
    plan: { timeoutMs: 6_000 },
    prepare: () =>
      world.cluster.call('POST', '/api/v1/namespaces/web/resourcequotas', {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'small' },
        spec: { hard: { pods: '2' } },
      }),
    says: /quota of the namespace is used up .*exceeded quota: small/,
  },
  'a pod no node has room for': {
    release: 'v2',
    workload: { spec: SURGE, container: { resources: { requests: { cpu: '3' } } } },
    plan: { timeoutMs: 6_000 },
    says: /no node takes its pod .*Insufficient cpu/,
  },
};

describe('a release that does not come up is named, and undone', () => {
  test.each(Object.keys(BAD))('%s', async (what) => {
    const { release, workload, plan = {}, prepare, says } = BAD[what] as Bad;
    await world.createWorkload(name, 'v1', workload);
    await prepare?.();
    const context = on(release, { plan: { ...plan, logTail: 5 } });
    const prior = await begun(context);
    await expect(kubernetes.deploy(context)).rejects.toMatchObject({
      type: 'Refused',
      message: expect.stringMatching(says),
    });
    const back = on(release, { way: 'back' });
    expect(await kubernetes.undo(back, prior)).toMatchObject({ outcome: 'undone' });
    await until('only v1 is left', async () => (await world.runs(name)) === 'v1');
    await world.cluster.call('DELETE', '/api/v1/namespaces/web/resourcequotas/small').catch(() => null);
    await world.remove(name);
  });
});

describe('preflight says what is wrong', () => {
  const problems = async (context: PlatformContext): Promise<string[]> =>
    (await kubernetes.preflight(context))
      .filter(({ state }) => state === 'problem')
      .map(({ thing, message }) => `${thing}: ${message}`);

  test('a name that matches nothing', async () => {
    expect(await problems(on('v2'))).toEqual([`deployment/${name}: does not exist in namespace web`]);
    await expect(kubernetes.deploy(on('v2'))).rejects.toMatchObject({ type: 'Refused' });
  });

  test('a namespace that is not there', async () => {
    const platform = { namespace: 'nowhere' };
    expect(await problems(on('v2', { platform }))).toEqual(['namespace nowhere: does not exist']);
  });

  test('a container that is not there, or one of several that is not named', async () => {
    await world.createWorkload(name, 'v1', { unawaited: true });
    expect(await problems(on('v2', { platform: { container: 'api' } }))).toEqual([
      `deployment/${name}: deployment/${name} has no container api`,
    ]);
    await world.patch(name, {
      spec: { template: { spec: { containers: [{ name: 'side', image: world.image('v4') }] } } },
    });
    expect(await problems(on('v2'))).toEqual([
      `deployment/${name}: deployment/${name} has 2 containers, and the platform says not which one is released`,
    ]);
  });

  test('a rollout that is paused, and one that asks for no pods', async () => {
    await world.createWorkload(name, 'v1', { unawaited: true, spec: { paused: true, replicas: 1 } });
    expect(await problems(on('v2'))).toEqual([expect.stringContaining('its rollout is paused')]);
    await expect(kubernetes.deploy(on('v2'))).rejects.toThrow('its rollout is paused');
    await world.patch(name, { spec: { paused: false, replicas: 0 } });
    expect(await problems(on('v2', { token: 2 }))).toEqual([expect.stringContaining('asks for 0 replicas')]);
    await expect(kubernetes.deploy(on('v2', { token: 2 }))).rejects.toThrow('asks for 0 replicas');
  });

  test('credentials that expired, that are refused, and that end soon', async () => {
    await world.createWorkload(name, 'v1', { unawaited: true });
    const using = (text: string): PlatformContext =>
      on('v2', { platform: { kubeconfig: world.kubeconfig(text) } });
    const signed = (expiresInS: number): string =>
      world.cluster.kubeconfigFor(world.tokenOf('deployer', expiresInS));
    expect(await problems(using(signed(-60)))).toEqual([
      expect.stringMatching(/^kubeconfig: .*token expired on 20\d\d-/),
    ]);
    expect(await problems(using(world.cluster.kubeconfigFor('made-up')))).toEqual([
      expect.stringMatching(/^kubeconfig: .*refuses the kubeconfig's token/),
    ]);
    await world.mayDeploy('deployer');
    expect(await problems(using(signed(3_600)))).toEqual([]);
    expect(await problems(using(signed(30)))).toEqual([
      expect.stringMatching(/^kubeconfig: its credentials end on/),
    ]);
  });

  test('rights that are missing', async () => {
    await world.createWorkload(name, 'v1', { unawaited: true });
    const nobody = world.kubeconfig(world.cluster.kubeconfigFor(world.tokenOf('nobody', 3_600)));
    expect(await problems(on('v2', { platform: { kubeconfig: nobody } }))).toEqual(
      expect.arrayContaining(['right to patch deployments: not given', 'right to list pods: not given']),
    );
  });

  test('a kubeconfig that would run a program, and one for another server', async () => {
    const exec = world.cluster.admin.replace(
      /"user":\{"token":"[^"]*"\}/,
      '"user":{"exec":{"command":"sh"}}',
    );
    expect(await problems(on('v2', { platform: { kubeconfig: world.kubeconfig(exec) } }))).toEqual([
      expect.stringContaining('has exec, which would run a program on the worker'),
    ]);
    const other = JSON.parse(world.cluster.admin) as { clusters: { cluster: Record<string, string> }[] };
    delete other.clusters[0]?.cluster['certificate-authority-data'];
    const strange = world.kubeconfig(JSON.stringify(other));
    expect(await problems(on('v2', { platform: { kubeconfig: strange } }))).toEqual([
      expect.stringContaining('the certificate of the API server is not the one'),
    ]);
  });

  test('a quota without room is told before it is met', async () => {
    await world.createWorkload(name, 'v1', { unawaited: true });
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name },
      spec: { hard: { secrets: '0' } },
    };
    await world.cluster.call('POST', '/api/v1/namespaces/web/resourcequotas', quota);
    const warned = await until('the quota to be counted', async () => {
      const found = await kubernetes.preflight(on('v2'));
      return found.find(({ thing }) => thing === `quota ${name}`) ?? null;
    });
    expect(warned).toMatchObject({ state: 'warning', message: 'secrets is used up: 0 of 0' });
    await world.cluster.call('DELETE', `/api/v1/namespaces/web/resourcequotas/${name}`);
  });
});

describe('who may write', () => {
  test('another pipeline is refused what has an owner', async () => {
    await world.createWorkload(name, 'v1', { unawaited: true });
    await begun(on('v2'));
    const stranger = on('v2', { plan: { pipeline: 'other' } });
    await expect(keeperOf(kubernetes, stranger).claim(stranger.fence)).rejects.toMatchObject({
      type: 'Refused',
      message: expect.stringContaining(`belongs to shop/prod-${count}`),
    });
    await expect(kubernetes.deploy(stranger)).rejects.toMatchObject({ type: 'Refused' });
  });

  test('of two workers at once only the one with the higher token writes', async () => {
    await world.createWorkload(name, 'v1');
    const [older, newer] = [on('v2', { token: 1 }), on('v3', { token: 2 })];
    await begun(older);
    const [lost] = await Promise.all([
      failureOf(kubernetes.deploy(older)),
      begun(newer).then(() => kubernetes.deploy(newer)),
    ]);
    expect(lost).toMatchObject({ type: 'StaleFence' });
    await until('v3 runs alone', async () => (await world.runs(name)) === 'v3');
  });

  test('a deploy that comes late is refused once its own undo has begun', async () => {
    await world.createWorkload(name, 'v1');
    const forward = on('v2', { way: 'forward' });
    const prior = await begun(on('v2'));
    await kubernetes.undo(on('v2', { way: 'back' }), prior);
    await expect(kubernetes.deploy(forward)).rejects.toMatchObject({ type: 'StaleFence' });
    expect(await world.runs(name)).toBe('v1');
  });

  test('every colour is claimed, so an older change cannot touch the other one either', async () => {
    for (const colour of ['blue', 'green'])
      await world.createWorkload(`${name}-${colour}`, 'v1', { unawaited: true });
    const platform = { resource: `deployment/${name}-{colour}` };
    await begun(on('v2', { token: 2, platform, target: { colour: 'blue' } }));
    const older = on('v2', { token: 1, platform, target: { colour: 'green' } });
    await expect(kubernetes.deploy(older)).rejects.toMatchObject({ type: 'StaleFence' });
  });
});

describe('what others do meanwhile', () => {
  test('another scale, and a restart, are nobody’s release: both stay', async () => {
    await world.createWorkload(name, 'v1');
    const context = on('v2');
    const prior = await begun(context);
    await kubernetes.deploy(context);
    await world.patch(name, {
      spec: {
        replicas: 3,
        template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-11-22' } } },
      },
    });
    expect(await kubernetes.undo(context, prior)).toMatchObject({ outcome: 'undone' });
    expect(await world.runs(name)).toBe('v1');
    expect((await world.workload(name))?.spec.replicas).toBe(3);
  });

  test('a changed environment variable is not undone over', async () => {
    await world.createWorkload(name, 'v1');
    const context = on('v2');
    const prior = await begun(context);
    await kubernetes.deploy(context);
    const containers = [{ name: 'app', env: [{ name: 'MODE', value: 'new' }] }];
    await world.patch(name, { spec: { template: { spec: { containers } } } });
    await expect(kubernetes.undo(context, prior)).rejects.toMatchObject({
      type: 'ForeignHand',
      message: expect.stringContaining(
        `deployment/${name}: its image is this release's, but its pod template`,
      ),
      details: [{ why: expect.stringMatching(/^its pod template was also written by \S+ on 20\d\d-\d\d-/) }],
    });
  });

  test('nothing of the pod template gets into the record', async () => {
    const env = [{ name: 'PASSWORD', value: 'in-plain-sight' }];
    await world.createWorkload(name, 'v1', { container: { env }, unawaited: true });
    expect(JSON.stringify(await begun(on('v2')))).not.toContain('in-plain-sight');
  });

  test('an API server that goes away is asked again, and the next attempt finishes', async () => {
    await world.createWorkload(name, 'v1');
    const context = on('v2');
    await begun(context);
    const stopped: Promise<void>[] = [];
    const interrupted = failureOf(
      kubernetes.deploy({ ...context, progress: () => stopped.push(world.cluster.stopApi()) }),
    );
    expect(await interrupted).toMatchObject({ type: 'Unreachable', nonRetryable: false });
    await Promise.all(stopped);
    await world.cluster.startApi();
    await kubernetes.deploy(context);
    expect(await world.runs(name)).toBe('v2');
  });
});

test('what is recorded is gone back to by digest, also where the template names a tag', async () => {
  await world.createWorkload(name, 'v1');
  await world.setImage(name, `${world.image('v1').split('@')[0]}:stable`);
  // kwok says what the image is called; a kubelet says the digest it has pulled
  await world.setImageIds(name, world.image('v1'));
  const context = on('v2');
  const prior = await begun(context);
  await kubernetes.deploy(context);
  await kubernetes.undo(context, prior);
  expect((await world.workload(name))?.spec.template.spec.containers[0]?.image).toBe(world.image('v1'));
});

test('a colour is retired to 0 and gets its pods back with the next release', async () => {
  await world.createWorkload(`${name}-blue`, 'v1');
  const platform = { resource: `deployment/${name}-{colour}` };
  const blue = on('v2', { platform, target: { colour: 'blue' } });
  await begun(blue);
  expect(await kubernetes.retire(blue, 'blue')).toMatchObject({ outcome: 'undone' });
  expect(await world.runs(`${name}-blue`)).toBe('gone');
  expect(await kubernetes.retire(blue, 'blue')).toMatchObject({ outcome: 'never-ran' });
  const next = on('v2', { token: 2, platform, target: { colour: 'blue' } });
  const prior = await begun(next);
  await kubernetes.deploy(next);
  expect(await world.runs(`${name}-blue`)).toBe('v2');
  expect((await world.workload(`${name}-blue`))?.spec.replicas).toBe(2);
  expect(await kubernetes.undo(next, prior)).toMatchObject({ outcome: 'undone' });
  expect(await world.runs(`${name}-blue`)).toBe('gone');
});

test.each(['StatefulSet', 'DaemonSet'] as const)('a %s is released and undone the same way', async (kind) => {
  await world.createWorkload(name, 'v1', { kind });
  const context = on('v2', { platform: { resource: `${kind.toLowerCase()}/${name}` } });
  const prior = await begun(context);
  await kubernetes.deploy(context);
  expect(await world.runs(name)).toBe('v2');
  expect(await kubernetes.undo(context, prior)).toMatchObject({ outcome: 'undone' });
  expect(await world.runs(name)).toBe('v1');
});

test('as activities: the cluster is the place, and what was made anew meanwhile is not the same', async () => {
  await world.createWorkload(name, 'v1');
  const { target } = on('v2');
  const { claim, proveWayBack, deploy, takeOver } = createPlatformActivities({
    hosts: world.hosts,
    secrets: world.secrets,
    ...NO_REPOSITORY,
    source: world.source,
    proveTraffic: async () => '',
    whoIsServed: async () => ({ colour: null, answered: true }),
    configuredColour: async () => null,
    lookAtDependencies: async () => [],
  });
  const { uid } = (await world.workload(name))?.metadata ?? {};
  const claimed = await runActivity(claim, { target });
  expect(claimed).toMatchObject({ hosts: [{ host: 'cluster', hostId: uid, previousToken: 0 }] });
  const { prior, note } = await runActivity(proveWayBack, { target });
  expect(note).toContain(`deployment/${name} at revision 1`);
  expect(await runActivity(deploy, { target, prior })).toMatchObject({
    note: expect.stringContaining('2 of 2'),
  });
  const newer = { ...target, token: 2 };
  expect(await runActivity(takeOver, { target: newer })).toMatchObject({ serving: null, killed: [] });
  await expect(runActivity(deploy, { target, prior })).rejects.toMatchObject({ type: 'StaleFence' });
  await world.remove(name);
  await world.createWorkload(name, 'v1');
  await expect(runActivity(deploy, { target: newer, prior })).rejects.toMatchObject({ type: 'ForeignHand' });
});
