/**
 * A host with a real sshd and dockerd, a registry, and HAProxy in front of two colours: one script on the host does the
 * docker and proxy work, and both Slipway and the bare script call it, so that what differs is who conducts.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { commitTag } from '../../activities/build/build-command.js';
import type { Colour } from '../../pipeline/plan.js';
import { adoptableLabels } from '../support/build-inputs.js';
import { installCompose } from '../support/compose-plugin.js';
import { startDockerHost, type DockerHost } from '../support/docker-host.js';
import { part } from '../support/parts.js';
import { startRegistry } from '../support/registry.js';
import { createRepository } from '../support/repository.js';
import type { Ends } from './ends.js';
import { startHaproxy } from './haproxy.js';
import { ENVIRONMENT, PIPELINE } from './switching-world.js';

const exec = promisify(execFile);
export const PORT: Record<Colour, number> = { blue: 8081, green: 8082 };
/** Answers of the new colour in a row before the switch is believed, on both sides. */
export const CONFIRMATIONS = 20;

export interface PushedRelease {
  version: string;
  commit: string;
  /** `repository@sha256:…` */
  image: string;
}

export interface DockerWorld {
  host: DockerHost;
  /** `address:port` of the registry. */
  registry: string;
  repositoryFolder: string;
  /** Through the proxy. */
  url: string;
  /** The script on the host: `web deploy COLOUR IMAGE | inspect COLOUR | retire COLOUR`. */
  script: string;
  proxy: { socket: string; map: string };
  /** Commits, tags and pushes an image whose configuration no host has pulled. */
  push(version: string): Promise<PushedRelease>;
}

/** Who runs the containers on the host, for both: plain docker in a script, or compose in a folder per colour. */
export type HowItRuns = 'docker' | 'compose';

const SCRIPT = `#!/bin/sh
# web deploy COLOUR IMAGE | web inspect COLOUR | web retire COLOUR
set -eu
port() { if [ "$1" = blue ]; then echo ${PORT.blue}; else echo ${PORT.green}; fi; }
case "$1" in
deploy)
  docker pull --quiet "$3" >/dev/null
  docker rm --force "web-$2" >/dev/null 2>&1 || true
  docker run --detach --quiet --name "web-$2" --env "COLOUR=$2" --publish "$(port "$2"):8080" "$3" >/dev/null ;;
inspect) docker inspect --format '{{.Config.Image}}' "web-$2" 2>/dev/null || true ;;
retire) docker rm --force "web-$2" >/dev/null 2>&1 || true ;;
esac
`;

const COMPOSE_SCRIPT = `#!/bin/sh
# web deploy COLOUR IMAGE
set -eu
cd "/root/web-$2"
export IMAGE_TAG="by-hand@\${3#*@}"
docker compose pull --quiet
docker compose up --detach --wait --quiet-pull
`;

const PLATFORMS: Record<HowItRuns, string> = {
  docker: `
      command: /root/web deploy {colour} {image}
      inspect: /root/web inspect {colour}
      restore: /root/web deploy {colour} {previous-tag}
      retire: /root/web retire {colour}`,
  compose: ' { compose: "/root/web-{colour}" }',
};

const composeFile = (image: string, colour: Colour): string => `services:
  web:
    image: ${image}:\${IMAGE_TAG}
    environment: { COLOUR: ${colour} }
    ports: ["${PORT[colour]}:8080"]
    stop_grace_period: 0s
    healthcheck: { test: [CMD, /bin/busybox, wget, -qO-, "http://127.0.0.1:8080/index.html"], interval: 100ms }
`;

async function prepareCompose(host: DockerHost, image: string): Promise<void> {
  await installCompose(host);
  for (const colour of ['blue', 'green'] as const) {
    const folder = path.join(host.home, `web-${colour}`);
    await mkdir(folder);
    await writeFile(path.join(folder, 'compose.yaml'), composeFile(image, colour));
  }
}

export async function startDockerWorld(ends: Ends, how: HowItRuns = 'docker'): Promise<DockerWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-bench-docker-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const host = await startDockerHost({ name: 'web-1', user: 'root', swarm: false, runtime: 'runc' });
  ends.push(() => host.stop());
  const registry = await startRegistry({ address: host.gateway });
  ends.push(() => registry.stop());
  const script = path.join(host.home, 'web');
  await writeFile(script, how === 'docker' ? SCRIPT : COMPOSE_SCRIPT);
  await chmod(script, 0o755);
  const { url, socket, map } = await startHaproxy(ends, 'web', {
    blue: `${host.address}:${PORT.blue}`,
    green: `${host.address}:${PORT.green}`,
  });
  const repository = await createRepository();
  ends.push(() => repository.remove());
  const name = `${registry.server}/team/web`;
  if (how === 'compose') await prepareCompose(host, name);
  const file = `pipeline: ${PIPELINE}
image: { repository: ${name}, cache: none }
checks:
  health: { http: /index.html, timeout: 2s, retries: 100, interval: 20ms }
environments:
  ${ENVIRONMENT}:
    from: { tag: 'v*.*.*' }
    start: manual
    strategy: blue-green
    hosts: ["root@${host.address}"]
    ssh: { key: "file:${host.keyPath}", known-hosts: known_hosts }
    platform:${PLATFORMS[how]}
    url: ${url}
    traffic:
      haproxy: ${socket}
      map: ${map}
      key: web
      backends: { blue: web_blue, green: web_green }
      colours: { blue: "http://${host.address}:${PORT.blue}", green: "http://${host.address}:${PORT.green}" }
      confirm: { url: /index.html, body: true, times: ${CONFIRMATIONS} }
    checks: [health]
    keep-warm: 24h
`;
  const knownHosts = await readFile(host.knownHostsPath, 'utf8');
  const root = await writeRoot(folder);
  return {
    host,
    registry: registry.server,
    repositoryFolder: repository.folder,
    url,
    script: '/root/web',
    proxy: { socket, map },
    push: async (version) => {
      const commit = await repository.commit(`feat: ${version}`, {
        'slipway.yaml': file,
        known_hosts: knownHosts,
        Dockerfile: `FROM scratch\nLABEL version=${version}\n`,
      });
      await repository.git('tag', version);
      const labels = adoptableLabels({ text: file, environment: ENVIRONMENT, version, commit });
      const digest = await pushImage(host, root, `${name}:${commitTag(commit)}`, [
        `LABEL version=${version}`,
        ...Object.entries(labels).map(([label, value]) => `LABEL ${label}=${value}`),
      ]);
      return { version, commit, image: `${name}@${digest}` };
    },
  };
}

/** Built elsewhere, as far as the host knows: imported there, pushed, and forgotten. */
async function pushImage(host: DockerHost, root: string, tag: string, labels: string[]): Promise<string> {
  const serve = 'echo $COLOUR >/www/index.html; exec httpd -f -p 8080 -h /www';
  const changes = [`CMD ${JSON.stringify(['/bin/sh', '-c', serve])}`, 'ENV PATH=/bin', ...labels];
  const argv = ['import', ...changes.flatMap((change) => ['--change', change]), root, tag];
  await must(host, argv);
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await must(host, ['push', tag]))?.[1];
  if (digest === undefined) throw new Error(`no digest after the push of ${tag}`);
  await must(host, ['rmi', tag]);
  return digest;
}

async function must(host: DockerHost, argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await host.docker(argv);
  if (exitCode !== 0) throw new Error(`docker ${argv.join(' ')}: ${stderr}`);
  return stdout;
}

/** One static binary as a tar file: the image needs nothing from elsewhere. */
async function writeRoot(folder: string): Promise<string> {
  const root = path.join(folder, 'root');
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await mkdir(path.join(root, 'www'));
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of ['sh', 'httpd', 'echo']) await symlink('busybox', path.join(root, 'bin', tool));
  const archive = path.join(folder, 'root.tar');
  await exec('tar', ['-C', root, '-cf', archive, '.']);
  return archive;
}
