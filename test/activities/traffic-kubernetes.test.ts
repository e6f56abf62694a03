/**
 * Traffic by the selector of a Service, in a real control plane. What a node's proxy does with it is played: a server
 * that asks the API which pods the Service selects, and answers with the colour of the first that is ready.
 */
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTrafficActivities } from '../../activities/traffic/create-traffic-activities.js';
import { openTraffic } from '../../activities/traffic/open-traffic.js';
import { proveTraffic } from '../../activities/traffic/prove-traffic.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { SwitchInput, SwitchResult } from '../../workflows/activity-contract.js';
import { startKubernetesWorld, type KubernetesWorld } from '../support/kubernetes-world.js';
import { listen } from '../support/listen.js';
import { runActivity } from '../support/run-activity.js';

let world: KubernetesWorld;
let server: Server;
let url: string;
let name: string;
let count = 0;
/** Nodes that no longer hear of changes. */
let isNumb = false;
let lastSelected: string | null = null;

interface Labels {
  items: { metadata: { labels: Record<string, string> } }[];
}

beforeAll(async () => {
  world = await startKubernetesWorld();
  server = createServer((_request, response) => {
    selected().then(
      (colour) => {
        response.writeHead(colour === null ? 503 : 200, colour === null ? {} : { 'X-Colour': colour }).end();
      },
      () => response.writeHead(503).end(),
    );
  });
  url = `http://127.0.0.1:${await listen(server)}/`;
});

afterAll(async () => {
  server?.close();
  await world?.stop();
});

beforeEach(async () => {
  count += 1;
  name = `shop-${count}`;
  isNumb = false;
  for (const colour of ['blue', 'green'])
    await world.createWorkload(`${name}-${colour}`, colour === 'blue' ? 'v1' : 'v2', {
      labels: { shop: name, colour },
    });
  await world.cluster.call('POST', '/api/v1/namespaces/web/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { shop: name, colour: 'blue' }, ports: [{ port: 80 }] },
  });
});

async function selector(): Promise<Record<string, string>> {
  const service = (await world.cluster.call('GET', `/api/v1/namespaces/web/services/${name}`)) as {
    spec: { selector: Record<string, string> };
  };
  return service.spec.selector;
}

async function selected(): Promise<string | null> {
  if (isNumb) return lastSelected;
  const labels = Object.entries(await selector()).map(([key, value]) => `${key}=${value}`);
  const query = encodeURIComponent(labels.join(','));
  const pods = (await world.cluster.call(
    'GET',
    `/api/v1/namespaces/web/pods?labelSelector=${query}`,
  )) as Labels;
  lastSelected = pods.items[0]?.metadata.labels['colour'] ?? null;
  return lastSelected;
}

function target(change: { token?: number; pipeline?: string; timeoutMs?: number } = {}): Target {
  const { token = 1, pipeline = 'shop', timeoutMs = 5_000 } = change;
  const plan = world.plan(world.platform(`${name}-{colour}`), {
    pipeline,
    name: `prod-${count}`,
    strategy: 'blue-green',
    url,
    traffic: {
      ...{ kind: 'kubernetes', service: `service/${name}`, key: 'colour', namespace: 'web' },
      ...{ kubeconfig: 'env:KUBE_CONFIG', switch: 'auto', switchWithinMs: 0, colourUrls: null },
      ...{ drainMs: 0, weights: [], host: null },
      confirm: { url, header: 'X-Colour', times: 5, intervalMs: 0, timeoutMs },
    },
  });
  return world.target('v2', plan, { token, colour: 'green' });
}

function switchOver(of: Target, change: Partial<SwitchInput> = {}): Promise<SwitchResult> {
  const { switchTraffic } = createTrafficActivities(world);
  const input: SwitchInput = { target: of, to: 'green', from: 'blue', requireHealthy: true, ...change };
  return runActivity(switchTraffic, input);
}

const back = { to: 'blue', from: 'green', requireHealthy: false } as const;

test('is proven, switched, seen, switched again, and brought back', async () => {
  expect(await proveTraffic(world, target())).toBe(`service/${name} selects colour=blue; blue is served`);
  expect(await switchOver(target())).toMatchObject({ confirmed: 5 });
  expect(await selector()).toEqual({ shop: name, colour: 'green' });
  expect(await switchOver(target())).toMatchObject({ confirmed: 5 });
  expect(await switchOver(target(), back)).toMatchObject({ confirmed: 5 });
  expect((await selector())['colour']).toBe('blue');
});

test('an older change cannot switch any more, nor one that is on its way back already', async () => {
  await switchOver(target({ token: 2 }));
  await expect(switchOver(target({ token: 1 }), back)).rejects.toMatchObject({ type: 'StaleFence' });
  await switchOver(target({ token: 2 }), back);
  await expect(switchOver(target({ token: 2 }))).rejects.toMatchObject({ type: 'StaleFence' });
  expect((await selector())['colour']).toBe('blue');
});

test('another pipeline is refused', async () => {
  await switchOver(target());
  await expect(switchOver(target({ token: 9, pipeline: 'other' }), back)).rejects.toMatchObject({
    type: 'Refused',
    message: expect.stringContaining(`belongs to shop/prod-${count}`),
  });
});

test('what somebody else selected is not overwritten, and proves nothing', async () => {
  await world.cluster.call('PATCH', `/api/v1/namespaces/web/services/${name}`, {
    spec: { selector: { colour: 'red' } },
  });
  await expect(switchOver(target())).rejects.toMatchObject({ type: 'ForeignHand' });
  expect((await selector())['colour']).toBe('red');
  await expect(proveTraffic(world, target())).rejects.toMatchObject({ type: 'Refused' });
});

test('a colour without a pod that is ready gets no traffic', async () => {
  await world.remove(`${name}-green`);
  await expect(switchOver(target())).rejects.toMatchObject({
    type: 'Refused',
    message: expect.stringContaining('would answer nobody'),
  });
  expect((await selector())['colour']).toBe('blue');
});

test('a selector that was accepted is not believed before it is seen', async () => {
  await selected();
  isNumb = true;
  await expect(switchOver(target({ timeoutMs: 2_000 }))).rejects.toMatchObject({
    type: 'Refused',
    message: expect.stringContaining('answered 200 from blue'),
  });
});

test('of two switches at once the older one does not get between', async () => {
  const [older, newer] = await Promise.allSettled([
    switchOver(target({ token: 1 })),
    switchOver(target({ token: 2 })),
  ]);
  expect(newer.status).toBe('fulfilled');
  if (older.status === 'rejected') expect(older.reason).toMatchObject({ type: 'StaleFence' });
  expect((await (await openTraffic(world, target({ token: 3 }))).look()).colour).toBe('green');
});

test('a service that is not there, and rights that are missing, are said before anything is touched', async () => {
  const nobody = world.kubeconfig(world.cluster.kubeconfigFor(world.tokenOf('nobody', 3_600)));
  const { plan } = target();
  const { traffic } = plan;
  if (traffic?.kind !== 'kubernetes') throw new Error('another kind of traffic');
  const without = { ...target(), plan: { ...plan, traffic: { ...traffic, kubeconfig: nobody } } };
  await expect(proveTraffic(world, without)).rejects.toThrow('may not patch services');
  const other = { ...target(), plan: { ...plan, traffic: { ...traffic, service: 'service/none' } } };
  await expect(proveTraffic(world, other)).rejects.toThrow('there is no service/none in namespace web');
});
