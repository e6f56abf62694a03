/**
 * The team with Docker: a Swarm host and a registry, `stack` in two colours behind the proxy by `docker stack deploy`,
 * and `swarm`, one service that was there before, in place; each service one tiny httpd.
 */
import type { DockerHost } from '../../support/docker-host.js';
import type { TestRegistry } from '../../support/registry.js';
import type { Commit } from '../committer.js';
import type { Publish } from '../ground.js';
import { COLOURS, WEB_PORTS, type ProxyDoor } from './swarm-places.js';
import { createImagePublisher } from '../publish-image.js';
import { PORT_INSIDE, type MakeContent } from '../site-image.js';

export const SERVICE = 'site';
const IMAGE = 'team/web';

export interface WebScenery {
  host: DockerHost;
  registry: TestRegistry;
  content: MakeContent;
  proxy: ProxyDoor;
}

/** Creates the service that `swarm` moves; gives what it runs before the first release: `repository@sha256:…`. */
export async function furnishSwarm(scenery: WebScenery): Promise<string> {
  const { host, registry, content } = scenery;
  const digest = await registry.putImage(IMAGE, 'first', {}, await content('v0.0.0', 'good'));
  const image = `${registry.server}/${IMAGE}@${digest}`;
  const published = `mode=host,published=${WEB_PORTS.swarm},target=${PORT_INSIDE}`;
  const moves = ['--update-order=stop-first', '--update-monitor=1s', '--restart-delay=200ms'];
  const argv = ['service', 'create', '--quiet', `--name=${SERVICE}`, `--publish=${published}`, ...moves];
  const created = await host.docker([...argv, '--stop-grace-period=1s', image]);
  if (created.exitCode !== 0) throw new Error(`service ${SERVICE}: ${created.stderr}`);
  return image;
}

export function createWebPublisher(commit: Commit, scenery: WebScenery, knownHosts: string): Publish {
  const { registry, content } = scenery;
  const stacks = COLOURS.map((colour) => [
    `web/stack-${colour}.yml`,
    stackFile(`${registry.server}/${IMAGE}`, WEB_PORTS[colour]),
  ]);
  return createImagePublisher(commit, {
    ...{ registry, content, image: IMAGE, environment: 'stack' },
    ...{ file: 'web.yaml', text: pipelineFile(scenery) },
    files: { 'web/known_hosts': knownHosts, ...Object.fromEntries(stacks) },
  });
}

function stackFile(repository: string, port: number): string {
  return `version: '3.8'
services:
  httpd:
    image: ${repository}:\${IMAGE_TAG}
    ports: [{ target: ${PORT_INSIDE}, published: ${port}, mode: host }]
    stop_grace_period: 1s
    deploy:
      replicas: 1
      update_config: { order: stop-first, monitor: 1s, failure_action: pause }
      restart_policy: { delay: 200ms }
`;
}

function pipelineFile({ host, registry, proxy }: WebScenery): string {
  const address = (port: number): string => `http://${host.address}:${port}`;
  const shared = `
    from: { tag: 'v*.*.*' }
    start: manual
    hosts: ["${host.user}@${host.address}"]
    ssh: { key: "file:${host.keyPath}", known-hosts: web/known_hosts }
    preflight: { registry-login: false }
    timeout: 60s
    checks: [health]
    bake: { for: 1s, interval: 250ms, failures: 2, checks: [orders] }`;
  return `pipeline: web
image: { repository: ${registry.server}/${IMAGE}, cache: none }
checks:
  health: { http: /health, timeout: 2s, retries: 40, interval: 250ms }
  orders: { http: /orders, timeout: 2s }
environments:
  swarm:${shared}
    queue: newest
    platform: { swarm: ${SERVICE} }
    url: ${address(WEB_PORTS.swarm)}
  stack:${shared}
    queue: fifo
    strategy: blue-green
    platform: { stack: 'web/stack-{colour}.yml', name: 'web-{colour}' }
    url: http://127.0.0.1:${proxy.port}
    traffic:
      haproxy: ${proxy.socket}
      map: ${proxy.map}
      key: web
      backends: { blue: web_blue, green: web_green }
      colours: { blue: "${address(WEB_PORTS.blue)}", green: "${address(WEB_PORTS.green)}" }
      confirm: { url: /health, header: X-Colour, times: 5, timeout: 20s }
      drain: 200ms
    keep-warm: 15s
`;
}
