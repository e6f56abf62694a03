/**
 * The team with Docker: a Swarm host and a registry, `stack` in two colours behind the proxy by `docker stack deploy`,
 * and `swarm`, one service that was there before, in place; each service one tiny httpd.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { commitTag } from '../../activities/build/build-command.js';
import { adoptableLabels } from '../support/build-inputs.js';
import type { DockerHost } from '../support/docker-host.js';
import { part } from '../support/parts.js';
import type { ImageContent, TestRegistry } from '../support/registry.js';
import type { Commit, Quality } from './committer.js';
import { COLOURS, WEB_PORTS, type ProxyDoor } from './places.js';

const exec = promisify(execFile);

export const SERVICE = 'site';
const IMAGE = 'team/web';
const PORT_INSIDE = 8080;

export interface WebScenery {
  host: DockerHost;
  registry: TestRegistry;
  /** Where the test keeps what its images are made of. */
  folder: string;
  proxy: ProxyDoor;
}

/** Creates the service that `swarm` moves; gives what it runs before the first release: `repository@sha256:…`. */
export async function furnishSwarm(scenery: WebScenery): Promise<string> {
  const { host, registry } = scenery;
  await writeBase(scenery.folder);
  const digest = await registry.putImage(IMAGE, 'first', {}, await contentOf(scenery, 'v0.0.0', 'good'));
  const image = `${registry.server}/${IMAGE}@${digest}`;
  const published = `mode=host,published=${WEB_PORTS.swarm},target=${PORT_INSIDE}`;
  const moves = ['--update-order=stop-first', '--update-monitor=1s', '--restart-delay=200ms'];
  const argv = ['service', 'create', '--quiet', `--name=${SERVICE}`, `--publish=${published}`, ...moves];
  const created = await host.docker([...argv, '--stop-grace-period=1s', image]);
  if (created.exitCode !== 0) throw new Error(`service ${SERVICE}: ${created.stderr}`);
  return image;
}

/** Commits a release and pushes its image with the labels by which it is adopted; gives the full sha. */
export function createWebPublisher(
  commit: Commit,
  scenery: WebScenery,
): (version: string, quality: Quality) => Promise<string> {
  const { registry, host } = scenery;
  return async (version, quality) => {
    const content = await contentOf(scenery, version, quality);
    const text = pipelineFile(scenery);
    const stacks = Object.fromEntries(
      COLOURS.map((colour) => [
        `web/stack-${colour}.yml`,
        stackFile(`${registry.server}/${IMAGE}`, WEB_PORTS[colour]),
      ]),
    );
    const sha = await commit(version, quality, {
      'web.yaml': text,
      'web/known_hosts': await readFile(host.knownHostsPath, 'utf8'),
      ...stacks,
      Dockerfile: 'FROM scratch\n',
    });
    const files = new Map([['web/known_hosts', ''], ...Object.entries(stacks)]);
    const labels = adoptableLabels({ text, environment: 'stack', version, commit: sha, files });
    await registry.putImage(IMAGE, commitTag(sha), labels, content);
    return sha;
  };
}

/** One static binary, without what a release differs in. */
async function writeBase(folder: string): Promise<void> {
  const root = path.join(folder, 'root');
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of ['sh', 'httpd']) await symlink('busybox', path.join(root, 'bin', tool));
  await pack(root, path.join(folder, 'base.tar'));
}

async function pack(root: string, archive: string): Promise<void> {
  await exec('tar', ['-C', root, '-cf', archive, '.']);
}

/** What is not there is a 404: the sick one has no health, the erring one no orders. */
async function contentOf({ folder }: WebScenery, version: string, quality: Quality): Promise<ImageContent> {
  const root = path.join(folder, version);
  const pages = { sick: [], errs: ['health'], good: ['health', 'orders'] }[quality];
  await mkdir(path.join(root, 'www'), { recursive: true });
  for (const page of pages) await writeFile(path.join(root, 'www', page), version);
  await pack(root, `${root}.tar`);
  return {
    command: ['/bin/httpd', '-f', '-p', String(PORT_INSIDE), '-h', '/www'],
    stopSignal: 'SIGKILL',
    layers: [await readFile(path.join(folder, 'base.tar')), await readFile(`${root}.tar`)],
  };
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
