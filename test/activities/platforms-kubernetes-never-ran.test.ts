/** Platform `kubernetes`, real control plane: a workload whose own image was never pushed, so that there is nothing to go back to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubernetes } from '../../activities/platforms/kubernetes.js';
import { keeperOf, type PlatformContext } from '../../activities/platforms/platform.js';
import {
  startKubernetesWorld,
  type KubernetesWorld,
  type WorkloadChange,
} from '../support/kubernetes-world.js';
import { NOBODY, startSmallRegistry, type SmallRegistry } from '../support/small-registry.js';

let world: KubernetesWorld;
let registry: SmallRegistry;

beforeAll(async () => {
  registry = await startSmallRegistry({});
  world = await startKubernetesWorld();
});

afterAll(async () => {
  await world?.stop();
  await registry?.stop();
});

async function released(name: string, kind: NonNullable<WorkloadChange['kind']>): Promise<PlatformContext> {
  // no node takes its pods, before and after
  await world.createWorkload(name, 'v1', {
    kind,
    container: { image: `${registry.server}/team/app:first` },
    pod: { nodeSelector: { nowhere: 'yes' } },
    unawaited: true,
  });
  const platform = world.platform(name, { resource: `${kind.toLowerCase()}/${name}` });
  const target = world.target('v2', world.plan(platform, { timeoutMs: 4_000 }));
  const context = world.context(target, { registryLogin: { server: registry.server, ...NOBODY } });
  await keeperOf(kubernetes, context).claim(context.fence);
  return context;
}

function back(context: PlatformContext): PlatformContext {
  return { ...context, fence: { ...context.fence, way: 'back' } };
}

test('it is left without pods, and the next release gives it its number back', async () => {
  const context = await released('app', 'Deployment');
  const prior = await kubernetes.recordPrior(context);
  expect(await kubernetes.proveWayBack(context, prior)).toContain('nothing good to go back to');
  await expect(kubernetes.deploy(context)).rejects.toThrow('no node takes its pod');
  expect(await kubernetes.undo(back(context), prior)).toMatchObject({ outcome: 'undone' });
  const left = {
    metadata: { annotations: { 'slipway.dev/replicas': '2' } },
    spec: {
      replicas: 0,
      template: { spec: { containers: [{ image: `${registry.server}/team/app:first` }] } },
    },
  };
  expect(await world.workload('app')).toMatchObject(left);
  expect(await kubernetes.undo(back(context), prior)).toMatchObject({ outcome: 'never-ran' });

  await world.patch('app', { spec: { template: { spec: { nodeSelector: null } } } });
  const next = world.context({ ...context.target, token: 2 });
  await keeperOf(kubernetes, next).claim(next.fence);
  await kubernetes.deploy(next);
  expect(await world.runs('app')).toBe('v2');
  expect((await world.workload('app'))?.spec.replicas).toBe(2);
});

test('what a release never touched keeps its number', async () => {
  const context = await released('untouched', 'Deployment');
  const prior = await kubernetes.recordPrior(context);
  expect(await kubernetes.undo(back(context), prior)).toMatchObject({ outcome: 'never-ran' });
  expect((await world.workload('untouched'))?.spec.replicas).toBe(2);
});

test('a daemonset, which has no number, is written back and not waited for', async () => {
  const context = await released('agent', 'DaemonSet');
  const prior = await kubernetes.recordPrior(context);
  await kubernetes.deploy(context).catch(() => {});
  expect(await kubernetes.undo(back(context), prior)).toMatchObject({
    outcome: 'undone',
    note: expect.stringContaining('which had never run'),
  });
  const { containers } = (await world.workload('agent', 'DaemonSet'))?.spec.template.spec ?? {};
  expect(containers).toMatchObject([{ image: `${registry.server}/team/app:first` }]);
});
