/**
 * A team with a cluster: prod as two deployments and a Service whose selector chooses, stage as one deployment in place.
 * The control plane is real; kwok plays its nodes, and doors of the test what a node's proxy does.
 */
import type { Colour } from '../../../pipeline/plan.js';
import { startKubernetes, type TestCluster } from '../../support/kubernetes.js';
import { BAD_PODS, isGoodDigest } from '../../support/kwok-stages.js';
import { until } from '../../support/processes.js';
import { startRegistry, type TestRegistry } from '../../support/registry.js';
import { killed } from '../blows.js';
import type { Quality } from '../committer.js';
import { compare, imageOf, onceHealed, untagged } from '../compare.js';
import type { Ground, GroundNeeds, Remember } from '../ground.js';
import { createImagePublisher } from '../publish-image.js';
import { openDoors, type Doors } from './kubernetes-doors.js';

const NAMESPACE = 'web';
const IMAGE = 'team/app';
const REPLICAS = 2;
const DEPLOYMENTS = ['app-blue', 'app-green', 'app-stage'] as const;
type DeploymentName = (typeof DEPLOYMENTS)[number];

export async function setKubernetesGround({ commit, keep }: GroundNeeds): Promise<Ground> {
  const registry = keep(await startRegistry());
  const cluster = keep(await startKubernetes());
  const releases = new Map<string, { version: string; quality: Quality }>();
  const digest = await putFirst(registry);
  const firstImage = `${registry.server}/${IMAGE}@${digest}`;
  await furnish(cluster, firstImage);
  const doors = keep(await openDoors(cluster, NAMESPACE, releases));
  const publish = createImagePublisher(commit, {
    ...{ registry, image: IMAGE, environment: 'prod', file: 'slipway.yaml' },
    ...{ text: pipelineFile(registry, doors), files: {} },
    isRight: (found, quality) =>
      quality === 'sick' ? found.endsWith(BAD_PODS.crashes) : isGoodDigest(found),
    pushed: (found, version, quality) => void releases.set(found, { version, quality }),
  });
  const app = { pipeline: 'app', file: 'slipway.yaml', publish };
  const at = (url: string): { url: string; colour: 'in its header' } => ({ url, colour: 'in its header' });
  return {
    lanes: [
      { ...app, environment: 'prod', users: at(doors.urls.users) },
      { ...app, environment: 'stage', users: at(doors.urls.stage) },
    ],
    blows: [
      killed(5, 'API server killed', { break: cluster.stopApi, mend: cluster.startApi }),
      killed(3, 'proxy killed', doors),
    ],
    workerEnv: { SLIPWAY_INSECURE_REGISTRIES: registry.server, KUBE_CONFIG: cluster.admin },
    homes: [],
    judge: (remember) => onceHealed(() => judge(cluster, firstImage, remember)),
    marks: [cluster.folder],
    findLeftovers: () => Promise.resolve([]),
  };
}

/** What runs before the first release; its pods come up. */
async function putFirst(registry: TestRegistry): Promise<string> {
  for (let salt = 0; ; salt += 1) {
    const digest = await registry.putImage(IMAGE, 'first', { salt: String(salt) });
    if (isGoodDigest(digest)) return digest;
  }
}

async function furnish(cluster: TestCluster, image: string): Promise<void> {
  const metadata = { name: NAMESPACE };
  await cluster.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
  for (const name of DEPLOYMENTS) {
    const labels = { app: 'app', colour: name.replace('app-', '') };
    const readinessProbe = { httpGet: { path: '/health', port: 8080 } };
    await cluster.call('POST', `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas: REPLICAS,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'app', image, readinessProbe }] } },
      },
    });
  }
  await cluster.call('POST', `/api/v1/namespaces/${NAMESPACE}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'app' },
    spec: { selector: { app: 'app', colour: 'blue' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  const wanted = DEPLOYMENTS.flatMap((name) =>
    Array.from({ length: REPLICAS }, () => `${name} ${image} ready`),
  );
  await until(
    'the first pods to be ready',
    async () => compare('pods', await readPods(cluster), wanted).length === 0,
  );
}

interface Deployments {
  items: {
    metadata: { name: string };
    spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  }[];
}

interface Pods {
  items: {
    metadata: { labels: { colour: string } };
    spec: { containers: { image: string }[] };
    status: { conditions?: { type: string; status: string }[] };
  }[];
}

/** `app-blue IMAGE ready` of each pod, also of those that are on their way out. */
async function readPods(cluster: TestCluster): Promise<string[]> {
  const { items } = (await cluster.call('GET', `/api/v1/namespaces/${NAMESPACE}/pods`)) as Pods;
  return items.map(({ metadata, spec, status }) => {
    const isReady = status.conditions?.some((each) => each.type === 'Ready' && each.status === 'True');
    return `app-${metadata.labels.colour} ${untagged(spec.containers[0]?.image ?? '')} ${isReady === true ? 'ready' : 'not ready'}`;
  });
}

async function judge(cluster: TestCluster, firstImage: string, remember: Remember): Promise<string[]> {
  const { items } = (await cluster.call(
    'GET',
    `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`,
  )) as Deployments;
  const expected = await expectImages(remember);
  const wrongs: string[] = [];
  const pods: string[] = [];
  for (const { metadata, spec } of items) {
    const name = metadata.name as DeploymentName;
    const image = untagged(spec.template.spec.containers[0]?.image ?? '');
    const { replicas } = spec;
    pods.push(...Array.from({ length: replicas }, () => `${name} ${image} ready`));
    const wanted = expected[name];
    // what nobody released to since it was furnished, or what is retired
    const isUnreleased =
      wanted === null && (replicas === 0 || (image === firstImage && replicas === REPLICAS));
    if (!isUnreleased && (image !== wanted || replicas !== REPLICAS))
      wrongs.push(
        `deployment ${name} is ${replicas} of ${image}, not ${REPLICAS} of ${wanted ?? firstImage}`,
      );
  }
  return [...wrongs, ...compare('pods', await readPods(cluster), pods)];
}

async function expectImages(remember: Remember): Promise<Record<DeploymentName, string | null>> {
  const expected: Record<DeploymentName, string | null> = {
    'app-blue': null,
    'app-green': null,
    'app-stage': null,
  };
  const [prod, stage] = [await remember('prod'), await remember('stage')];
  for (const record of [prod?.live, prod?.warm?.record, stage?.live])
    if (record != null) expected[`app-${record.colour ?? 'stage'}`] = imageOf(record);
  return expected;
}

function pipelineFile(registry: TestRegistry, { urls }: Doors): string {
  const shared = `
    from: { tag: 'v*.*.*' }
    start: manual
    timeout: 60s
    checks: [health]
    bake: { for: 1s, interval: 250ms, failures: 2, checks: [orders] }`;
  const platform = (name: string): string =>
    `{ kubernetes: 'deployment/${name}', namespace: ${NAMESPACE}, kubeconfig: 'env:KUBE_CONFIG' }`;
  const colours: Record<Colour, string> = { blue: urls.blue, green: urls.green };
  return `pipeline: app
image: { repository: ${registry.server}/${IMAGE}, cache: none }
checks:
  health: { http: /health, timeout: 2s, retries: 40, interval: 250ms }
  orders: { http: /orders, timeout: 2s }
environments:
  prod:${shared}
    queue: fifo
    strategy: blue-green
    platform: ${platform('app-{colour}')}
    url: ${urls.users}
    traffic:
      kubernetes: service/app
      colours: ${JSON.stringify(colours)}
      confirm: { url: /health, header: X-Colour, times: 5, timeout: 20s }
      drain: 200ms
    keep-warm: 15s
  stage:${shared}
    queue: newest
    platform: ${platform('app-stage')}
    url: ${urls.stage}
`;
}
