/** What a workload in a cluster would be gone back to, and what its registry says of it. */
import { afterEach, expect, test } from 'vitest';
import type { Cluster } from '../../../activities/kubernetes/cluster.js';
import type { PlatformContext } from '../../../activities/platforms/platform.js';
import { proveWayBack, recordPrior } from '../../../activities/platforms/kubernetes-prior.js';
import { LOOKING, openPlatform } from '../../../activities/platforms/open-platform.js';
import { proveInRegistry } from '../../../activities/platforms/prove-in-registry.js';
import { createSecrets } from '../../../activities/secrets/secrets.js';
import { givenPlan, givenTarget } from '../../support/given.js';
import { hostsKnowing } from '../../support/hosts.js';
import { NO_REPOSITORY } from '../../support/no-repository.js';
import { NOBODY, startSmallRegistry, type SmallRegistry } from '../../support/small-registry.js';

const DIGEST = `sha256:${'1'.repeat(64)}`;

let registry: SmallRegistry | null = null;

afterEach(async () => {
  await registry?.stop();
  registry = null;
});

interface Run {
  ready?: boolean;
  imageID?: string;
  image?: string;
}

interface Scene {
  image: string;
  pods?: Run[];
  login?: string;
}

/** A cluster with one deployment, whose pods are what is said. */
function given({ image, pods = [], login = registry?.server ?? '' }: Scene): PlatformContext {
  const workload = {
    metadata: { name: 'app', uid: 'w', resourceVersion: '1', annotations: {} },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'app' } },
      template: { spec: { containers: [{ name: 'app', image }] } },
    },
    status: {},
  };
  const owned = (name: string, kind: string, uid: string) => ({
    ...{ name, uid: name, resourceVersion: '1' },
    ownerReferences: [{ kind, uid, controller: true }],
  });
  const items = pods.map(({ ready = false, imageID = '', image: own = image }, index) => ({
    metadata: owned(`pod-${index}`, 'ReplicaSet', 'set'),
    spec: { containers: [{ name: 'app', image: own }] },
    status: { containerStatuses: [{ name: 'app', ready, restartCount: 0, imageID }] },
  }));
  const sets = [{ metadata: owned('set', 'Deployment', 'w'), spec: {}, status: {} }];
  const answers: [RegExp, unknown][] = [
    [/deployments\/app$/, workload],
    [/replicasets$/, { items: sets }],
    [/pods$/, { items }],
  ];
  const cluster: Pick<Cluster, 'ask'> = {
    ask: async ({ path }) => answers.find(([of]) => of.test(path))?.[1] ?? null,
  };
  const platform = { kind: 'kubernetes', resource: 'deployment/app', container: null, namespace: 'web' };
  const context: unknown = {
    cluster: async () => cluster,
    host: { name: 'cluster' },
    target: { plan: { name: 'prod', platform }, artifacts: [], colour: null },
    registryLogin: { server: login, ...NOBODY },
    insecureRegistries: [],
    signal: new AbortController().signal,
  };
  return context as PlatformContext;
}

async function proven(context: PlatformContext): Promise<string> {
  return await proveWayBack(context, await recordPrior(context));
}

test('a tag that no pod knows a digest of is asked for in the registry', async () => {
  registry = await startSmallRegistry({ 'team/app:first': DIGEST });
  const image = `${registry.server}/team/app:first`;
  expect(await proven(given({ image }))).toContain(
    `back to ${image}: a tag, and no pod says which digest it is; ${registry.server} has it`,
  );
  expect(registry.asked).toContain('HEAD team/app:first');
});

test('a tag that is gone, of pods that have run, is no way back', async () => {
  registry = await startSmallRegistry({});
  const image = `${registry.server}/team/app:first`;
  for (const pod of [{ ready: true }, { imageID: 'sha256:local' }])
    await expect(proven(given({ image, pods: [pod] }))).rejects.toMatchObject({
      type: 'Refused',
      message: expect.stringContaining(`no way back: ${registry.server} has no image ${image};`),
    });
});

test('while pods of another revision serve, a tag that was never there is no way back either', async () => {
  registry = await startSmallRegistry({});
  const image = `${registry.server}/team/app:typo`;
  const pods = [{}, { ready: true, imageID: `x@${DIGEST}`, image: `${registry.server}/team/app:before` }];
  await expect(proven(given({ image, pods }))).rejects.toMatchObject({ type: 'Refused' });
});

test('a tag that was never there, and that no pod has run, is recorded as nothing good', async () => {
  registry = await startSmallRegistry({});
  const image = `${registry.server}/team/app:first`;
  for (const pods of [[], [{}, {}]]) {
    const context = given({ image, pods });
    expect(await recordPrior(context)).toMatchObject({ image, nothingGood: true });
    expect(await proven(context)).toContain(
      `nothing good to go back to: ${registry.server} has no image ${image}, and no pod has run it`,
    );
  }
});

test('what a registry that is away or another’s says is not taken for a no', async () => {
  registry = await startSmallRegistry({ 'team/app:first': 500 });
  const image = `${registry.server}/team/app:first`;
  const silent = given({ image });
  expect(await recordPrior(silent)).not.toHaveProperty('nothingGood');
  expect(await proven(silent)).toContain(
    `${registry.server} could not be asked for it: ${image}: ${registry.server} answered 500`,
  );
  const others = given({ image, login: 'cr.example.com' });
  expect(await proven(others)).toMatch(/a tag, and no pod says which digest it is$/);
});

test('the digest a ready pod says is asked for in its place', async () => {
  registry = await startSmallRegistry({ [`team/app@${DIGEST}`]: DIGEST });
  const { server } = registry;
  const pods = [{ ready: true, imageID: `${server}/team/app@${DIGEST}` }];
  expect(await proven(given({ image: `${server}/team/app:first`, pods }))).toContain(
    `${server}/team/app@${DIGEST} is in ${server}`,
  );
});

/** Any address of this machine but loopback's own, which is spoken to without TLS anyway. */
const NOT_LOOPBACK = '0.0.0.0';

test.each([
  ['is asked without TLS where the worker is told to', true, /@sha256:1+ is in 0\.0\.0\.0:\d+$/],
  [
    'is not otherwise, and it is said why',
    false,
    /could not be asked for it: .+ cannot be reached from the worker: ./,
  ],
])('a registry %s', async (_what, isListed, note) => {
  registry = await startSmallRegistry({ [`team/app@${DIGEST}`]: DIGEST });
  const server = registry.server.replace('127.0.0.1', NOT_LOOPBACK);
  const variables = { PULL: NOBODY.password };
  const secrets = createSecrets(variables);
  const hosts = hostsKnowing('/dev/null', variables, secrets);
  const platform = {
    kind: 'kubernetes' as const,
    ...{ resource: 'deployment/app', container: null, namespace: 'web', kubeconfig: null },
  };
  const plan = givenPlan({ platform, registry: { server, username: 'a', password: 'env:PULL' } });
  const insecureRegistries = isListed ? [server] : [];
  const dependencies = { ...NO_REPOSITORY, hosts, secrets, insecureRegistries };
  const place = { name: 'cluster', address: 'local' };
  const { context } = await openPlatform(dependencies, givenTarget(plan), place, {
    ...LOOKING,
    way: 'forward',
  });
  const image = `${server}/team/app@${DIGEST}`;
  expect(await proveInRegistry(context, image)).toMatch(note);
  await hosts.close();
});
