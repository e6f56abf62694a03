/** What the tests of the cluster's platforms share: a control plane, a namespace, workloads, and plans that reach them. */
import { createSign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fenceFor } from '../../activities/fence-for.js';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import { clusterOf } from '../../activities/kubernetes/access.js';
import { checkoutOf } from '../../activities/platforms/open-platform.js';
import { createSource, type Source } from '../../activities/source/source.js';
import { createSecrets, type Secrets } from '../../activities/secrets/secrets.js';
import type { Hosts } from '../../activities/hosts/host.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import { givenCommit } from './given.js';
import { environmentFor, hostsKnowing } from './hosts.js';
import { startKubernetes, type Nodes, type TestCluster } from './kubernetes.js';
import { BAD_PODS, digestOfRelease, POD_REPOSITORY } from './kwok-stages.js';
import { part } from './parts.js';
import { until } from './processes.js';
import { teamCommands } from '../../activities/platforms/team-command.js';
import { NO_REPOSITORY } from './no-repository.js';

const DIGITS = { v1: '1', v2: '2', v3: '3', v4: '4', ...BAD_PODS };
export type PodRelease = keyof typeof DIGITS;

type KubernetesPlan = Extract<PlatformPlan, { kind: 'kubernetes' }>;

export interface KubernetesWorld {
  cluster: TestCluster;
  namespace: string;
  /** As a worker has them. */
  hosts: Hosts;
  secrets: Secrets;
  source: Source;
  image(release: PodRelease): string;
  /** `v1`, or the image itself when it is no release's. */
  releaseOf(image: string): string;
  plan(platform: PlatformPlan, change?: Partial<EnvironmentPlan>): EnvironmentPlan;
  target(release: PodRelease, plan: EnvironmentPlan, change?: Partial<Target>): Target;
  context(target: Target, change?: Partial<PlatformContext>): PlatformContext;
  /** `deployment/NAME` here, or another resource. */
  platform(name: string, change?: Partial<KubernetesPlan>): KubernetesPlan;
  setImage(name: string, image: string): Promise<void>;
  /** A plan's `kubeconfig` for this text. */
  kubeconfig(text: string): string;
  /** A deployment (or another kind) of `release` that has come up. */
  createWorkload(name: string, release: PodRelease, change?: WorkloadChange): Promise<void>;
  workload(name: string, kind?: string): Promise<AnyWorkload | null>;
  patch(name: string, body: unknown, kind?: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** What the nodes say they have pulled for the pods of this name. */
  setImageIds(name: string, image: string): Promise<void>;
  /** A token of that service account, as the API server would sign it; a negative number = expired. */
  tokenOf(account: string, expiresInS: number): string;
  /** The rights the documentation names, for that service account; `logs` = on `pods/log`. */
  mayDeploy(account: string, logs?: string[]): Promise<void>;
  /** Releases of the pods that are ready, each once; `gone` = none there. */
  runs(name: string): Promise<string>;
  stop(): Promise<void>;
}

export interface WorkloadChange {
  kind?: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  spec?: Record<string, unknown>;
  /** Of the pods' template. */
  pod?: Record<string, unknown>;
  container?: Record<string, unknown>;
  labels?: Record<string, string>;
  /** Do not wait for its pods. */
  unawaited?: boolean;
}

export interface AnyWorkload {
  metadata: {
    uid: string;
    generation: number;
    annotations?: Record<string, string>;
  };
  spec: { replicas: number; template: { spec: { containers: { name: string; image: string }[] } } };
}

interface PodList {
  items: {
    metadata: { name: string; deletionTimestamp?: string };
    spec: { containers: { image: string }[] };
    status: { conditions?: { type: string; status: string }[] };
  }[];
}

export async function startKubernetesWorld(nodes?: Nodes): Promise<KubernetesWorld> {
  const home = await mkdtemp(path.join(tmpdir(), 'slw-worker-'));
  const homeBefore = process.env['HOME'];
  process.env['HOME'] = home;
  const cluster = await startKubernetes(nodes);
  const pathBefore = process.env['PATH'];
  process.env['PATH'] = `${path.dirname(await part('kubernetes'))}:${pathBefore ?? ''}`;
  const namespace = 'web';
  await cluster.call('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  const variables: Record<string, string> = { KUBE_CONFIG: cluster.admin };
  const secrets = createSecrets(variables);
  const hosts = hostsKnowing('/dev/null', variables, secrets);
  const local = await hosts.open(environmentFor(), { name: 'cluster', address: 'local' });
  const at = (kind: string, name = ''): string =>
    `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s${name === '' ? '' : `/${name}`}`;
  const image = (release: PodRelease): string => `${POD_REPOSITORY}@${digestOfRelease(DIGITS[release])}`;
  const releaseOf = (text: string): string =>
    (Object.keys(DIGITS) as PodRelease[]).find((each) => text.endsWith(digestOfRelease(DIGITS[each]))) ??
    text;
  const podsOf = async (name: string): Promise<PodList['items']> =>
    (
      (await cluster.call(
        'GET',
        `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${name}`,
      )) as PodList
    ).items;
  const runs = async (name: string): Promise<string> => {
    const pods = (await podsOf(name)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const ready = pods.filter(({ status }) =>
      status.conditions?.some((each) => each.type === 'Ready' && each.status === 'True'),
    );
    const releases = new Set(ready.map(({ spec }) => releaseOf(spec.containers[0]?.image ?? '')));
    return releases.size === 0 ? 'gone' : [...releases].sort().join(' ');
  };
  const source = createSource({ cacheFolder: path.join(home, 'cache') });
  let references = 0;
  const accounts = new Map<string, string>();
  for (const account of ['deployer', 'nobody']) {
    const { metadata } = (await cluster.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: account },
    })) as { metadata: { uid: string } };
    accounts.set(account, metadata.uid);
  }
  return {
    cluster,
    namespace,
    hosts,
    secrets,
    source,
    image,
    releaseOf,
    runs,
    kubeconfig: (text) => {
      references += 1;
      variables[`KUBE_CONFIG_${references}`] = text;
      return `env:KUBE_CONFIG_${references}`;
    },
    platform: (name, change = {}) => ({
      kind: 'kubernetes',
      resource: `deployment/${name}`,
      container: null,
      namespace,
      kubeconfig: 'env:KUBE_CONFIG',
      ...change,
    }),
    setImage: async (name, wanted) => {
      const containers = [{ name: 'app', image: wanted }];
      await cluster.call('PATCH', at('Deployment', name), { spec: { template: { spec: { containers } } } });
    },
    plan: (platform, change = {}) => ({
      ...environmentFor(),
      platform,
      timeoutMs: 40_000,
      ...change,
    }),
    target: (release, plan, change = {}) => ({
      plan,
      token: 1,
      version: release,
      commit: givenCommit(),
      artifacts: [
        { name: 'app', kind: 'image', repository: POD_REPOSITORY, digest: digestOfRelease(DIGITS[release]) },
      ],
      colour: null,
      live: null,
      ...change,
    }),
    context: (target, change = {}) => {
      const { platform } = target.plan;
      return {
        host: local,
        checkout: checkoutOf(source, target, new AbortController().signal),
        teamCommand: teamCommands({ ...NO_REPOSITORY, source }, target, new AbortController().signal),
        cluster: clusterOf(target.plan.name, platform, secrets),
        target,
        fence: fenceFor(target),
        env: {},
        dockerSecrets: {},
        progress: () => undefined,
        signal: new AbortController().signal,
        operationId: (step) => `${target.token}-${step}`,
        registryLogin: null,
        insecureRegistries: [],
        ...change,
      };
    },
    createWorkload: async (name, release, change = {}) => {
      const { kind = 'Deployment', spec = {}, pod = {}, container = {}, labels = {}, unawaited } = change;
      await cluster.call('POST', at(kind), {
        apiVersion: 'apps/v1',
        kind,
        metadata: { name },
        spec: {
          ...(kind === 'DaemonSet' ? {} : { replicas: 2 }),
          ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
          selector: { matchLabels: { app: name } },
          template: {
            metadata: { labels: { app: name, ...labels } },
            spec: {
              containers: [
                {
                  name: 'app',
                  image: image(release),
                  readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
                  ...container,
                },
              ],
              ...pod,
            },
          },
          ...spec,
        },
      });
      if (unawaited !== true)
        await until(`${name} runs ${release}`, async () => (await runs(name)) === release);
    },
    workload: async (name, kind = 'Deployment') =>
      (await cluster.call('GET', at(kind, name))) as AnyWorkload | null,
    patch: async (name, body, kind = 'Deployment') => {
      await cluster.call('PATCH', at(kind, name), body);
    },
    remove: async (name) => {
      await cluster.call('DELETE', at('Deployment', name));
      await until(`the pods of ${name} to be gone`, async () => (await podsOf(name)).length === 0);
    },
    setImageIds: async (name, wanted) => {
      const tagged = 'the pods of a tag to be alone';
      await until(
        tagged,
        async () => !/sha256|gone| /.test(await runs(name)) && (await podsOf(name)).length === 2,
      );
      for (const { metadata } of await podsOf(name))
        await cluster.call('PATCH', `/api/v1/namespaces/${namespace}/pods/${metadata.name}/status`, {
          status: {
            containerStatuses: [
              {
                name: 'app',
                image: wanted,
                imageID: wanted,
                ready: true,
                restartCount: 0,
                state: { running: {} },
              },
            ],
          },
        });
    },
    tokenOf: (account, expiresInS) => {
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: 'https://slipway.test',
        aud: ['https://slipway.test'],
        sub: `system:serviceaccount:${namespace}:${account}`,
        iat: now - 3_600,
        nbf: now - 3_600,
        exp: now + expiresInS,
        'kubernetes.io': { namespace, serviceaccount: { name: account, uid: accounts.get(account) } },
      };
      return signToken(cluster.signingKey, claims);
    },
    mayDeploy: async (account, logs = ['get']) => {
      const metadata = { name: `deploys-as-${account}`, namespace };
      await cluster.call('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata,
        rules: [
          { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] },
          { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['list'] },
          { apiGroups: [''], resources: ['pods', 'events'], verbs: ['list'] },
          ...(logs.length === 0 ? [] : [{ apiGroups: [''], resources: ['pods/log'], verbs: logs }]),
        ],
      });
      await cluster.call('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      });
    },
    stop: async () => {
      await hosts.close();
      await cluster.stop();
      process.env['PATH'] = pathBefore;
      if (homeBefore === undefined) delete process.env['HOME'];
      else process.env['HOME'] = homeBefore;
      await rm(home, { recursive: true, force: true });
    },
  };
}

function signToken(key: string, claims: Record<string, unknown>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key, 'base64url')}`;
}
