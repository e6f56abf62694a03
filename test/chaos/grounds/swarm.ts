/**
 * Two teams. One without Docker: prod in two colours and stage in place, by commands of its own. One with a Swarm host and
 * a registry: a stack in two colours and a service in place. One HAProxy in front of both.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { startDockerHost } from '../../support/docker-host.js';
import { startRegistry } from '../../support/registry.js';
import { freePort, startSshd, type Sshd } from '../../support/sshd.js';
import { dockerHostBlows, killed, sshBlows } from '../blows.js';
import type { Ground, GroundNeeds, LaneGround, Remember } from '../ground.js';
import { clearHost, createPublisher, furnishHost, judgeSlots, ownCommands } from '../own-commands.js';
import { createSiteImages } from '../site-image.js';
import { judgeSwarm } from './judge-swarm.js';
import { WEB_PORTS, type ProxyDoor, type Slot, type SlotPorts } from './swarm-places.js';
import { createProxy } from './swarm-proxy.js';
import { createWebPublisher, furnishSwarm } from './web.js';

export async function setSwarmGround({
  folder,
  repository,
  commit,
  later,
  keep,
}: GroundNeeds): Promise<Ground> {
  const ports = { blue: await freePort(), green: await freePort(), stage: await freePort() };
  const sshd = keep(await startSshd({ config: ['MaxStartups 100'] }));
  await furnishHost(sshd.home, repository.folder, ports);
  later(() => clearHost(sshd.home));
  const host = keep(await startDockerHost({ name: 'swarm-1', user: 'root' }));
  const registry = keep(await startRegistry({ address: host.gateway }));
  const proxy = keep(await createProxy(ports, host.address));
  const content = await createSiteImages(path.join(folder, 'images'));
  const web = { host, registry, content, proxy: proxy.web };
  const firstImage = await furnishSwarm(web);

  const shop = {
    ...{ pipeline: 'shop', file: 'slipway.yaml' },
    publish: createPublisher(
      commit,
      shopFile(sshd, ports, proxy.shop),
      await readFile(sshd.knownHostsPath, 'utf8'),
    ),
  };
  const team = {
    ...{ pipeline: 'web', file: 'web.yaml' },
    publish: createWebPublisher(commit, web, await readFile(host.knownHostsPath, 'utf8')),
  };
  const at = (url: string): LaneGround['users'] => ({ url, colour: 'in its header' });
  return {
    lanes: [
      { ...shop, environment: 'prod', users: at(`http://127.0.0.1:${proxy.shop.port}`) },
      { ...shop, environment: 'stage', users: at(`http://127.0.0.1:${ports.stage}`) },
      { ...team, environment: 'stack', users: at(`http://127.0.0.1:${proxy.web.port}`) },
      { ...team, environment: 'swarm', users: at(`http://${host.address}:${WEB_PORTS.swarm}`) },
    ],
    blows: [...sshBlows(sshd), killed(3, 'proxy killed', proxy), ...dockerHostBlows(host, 'swarm')],
    workerEnv: { SLIPWAY_INSECURE_REGISTRIES: registry.server },
    homes: [sshd.home, host.home],
    // the Swarm host first: it may still be healing
    judge: async (remember) => [
      ...(await judgeSwarm({ host, firstImage, remember })),
      ...(await judgeSlots('host', sshd.home, await expectSlots(remember))),
    ],
    marks: [sshd.folder, proxy.shop.socket],
    findLeftovers: () => host.findLeftovers(),
  };
}

async function expectSlots(remember: Remember): Promise<Record<Slot, string | null>> {
  const expected: Record<Slot, string | null> = { blue: null, green: null, stage: null };
  for (const environment of ['prod', 'stage']) {
    const status = await remember(environment);
    for (const record of [status?.live, status?.warm?.record])
      if (record != null) expected[record.colour ?? 'stage'] = record.commit.sha;
  }
  return expected;
}

function shopFile({ home, destination, keyPath }: Sshd, ports: SlotPorts, proxy: ProxyDoor): string {
  const platform = (slot: string): string => ownCommands(`${home}/shop`, slot);
  const host = `
    from: { tag: 'v*.*.*' }
    start: manual
    hosts: ["${destination}"]
    ssh: { key: "file:${keyPath}", known-hosts: known_hosts }
    timeout: 60s`;
  return `pipeline: shop
image: { folder: shop }
checks:
  health: { http: /health, timeout: 2s, retries: 20, interval: 250ms }
  orders: { http: /orders, timeout: 2s }
environments:
  prod:${host}
    queue: fifo
    strategy: blue-green
    platform:${platform('{colour}')}
    url: http://127.0.0.1:${proxy.port}
    traffic:
      haproxy: ${proxy.socket}
      map: ${proxy.map}
      key: shop
      backends: { blue: shop_blue, green: shop_green }
      colours: { blue: "http://127.0.0.1:${ports.blue}", green: "http://127.0.0.1:${ports.green}" }
      confirm: { url: /health, header: X-Colour, times: 5, timeout: 20s }
      drain: 200ms
    checks: [health]
    bake: { for: 1s, interval: 200ms, failures: 2, checks: [orders] }
    keep-warm: 15s
  stage:${host}
    queue: newest
    platform:${platform('stage')}
    url: http://127.0.0.1:${ports.stage}
    checks: [health]
    bake: { for: 1s, interval: 250ms, failures: 2, checks: [orders] }
`;
}
