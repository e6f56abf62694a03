/**
 * A team with Docker Compose: prod as two projects behind Traefik, a share of the users first, and stage as one project in
 * place, on a host of their own.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installCompose } from '../../support/compose-plugin.js';
import { startDockerHost, type DockerHost } from '../../support/docker-host.js';
import { must } from '../../support/base-image.js';
import { startRegistry, type TestRegistry } from '../../support/registry.js';
import { freePort } from '../../support/sshd.js';
import { createTraefik, type Traefik } from '../../support/traefik.js';
import { dockerHostBlows, killed } from '../blows.js';
import { compare, imageOf, linesOf, onceHealed, untagged } from '../compare.js';
import type { Ground, GroundNeeds, Remember } from '../ground.js';
import { createImagePublisher } from '../publish-image.js';
import { createSiteImages, PORT_INSIDE } from '../site-image.js';

const IMAGE = 'team/site';
/** On the host; two for the colours. */
const PORTS = { stage: 8080, blue: 8081, green: 8082 } as const;
const FOLDER = '/root/site';

interface Scenery {
  host: DockerHost;
  registry: TestRegistry;
  traefik: Traefik;
  /** Where users come in. */
  door: string;
}

export async function setComposeGround({ folder, commit, keep }: GroundNeeds): Promise<Ground> {
  const host = keep(await startDockerHost({ name: 'compose-1', user: 'root', swarm: false }));
  await installCompose(host);
  await must(host.run(['mkdir', '-p', FOLDER]));
  const registry = keep(await startRegistry({ address: host.gateway }));
  const traefik = keep(await createTraefik());
  const scenery = { host, registry, traefik, door: `127.0.0.1:${await freePort()}` };
  const start = await furnishTraefik(scenery);
  const publish = createImagePublisher(commit, {
    ...{ registry, image: IMAGE, environment: 'prod', file: 'slipway.yaml', text: pipelineFile(scenery) },
    content: await createSiteImages(path.join(folder, 'images')),
    files: {
      known_hosts: await readFile(host.knownHostsPath, 'utf8'),
      'deploy/compose-blue.yaml': composeFile(registry, 'site', PORTS.blue),
      'deploy/compose-green.yaml': composeFile(registry, 'site', PORTS.green),
      'deploy/compose.yaml': composeFile(registry, 'stage', PORTS.stage),
    },
  });
  const site = { pipeline: 'site', file: 'slipway.yaml', publish };
  const at = (url: string): { url: string; colour: 'at /colour' } => ({ url, colour: 'at /colour' });
  return {
    lanes: [
      { ...site, environment: 'prod', users: at(`http://${scenery.door}`) },
      { ...site, environment: 'stage', users: at(`http://${host.address}:${PORTS.stage}`) },
    ],
    blows: [
      killed(3, 'proxy killed', { break: traefik.crash, mend: start }),
      ...dockerHostBlows(host, 'compose'),
    ],
    workerEnv: { SLIPWAY_INSECURE_REGISTRIES: registry.server },
    homes: [host.home],
    judge: (remember) => onceHealed(() => judge(host, remember)),
    marks: [traefik.folder],
    findLeftovers: () => host.findLeftovers(),
  };
}

/** The engine brings up again what died with it, unless it was stopped. */
async function judge(host: DockerHost, remember: Remember): Promise<string[]> {
  const [prod, stage] = [await remember('prod'), await remember('stage')];
  const projects = [prod?.live, prod?.warm?.record, stage?.live].flatMap((record) =>
    record == null ? [] : [{ name: record.colour === null ? 'stage' : `site-${record.colour}`, record }],
  );
  const ask = async (...argv: string[]): Promise<string[]> => linesOf(await must(host.docker(argv)));
  const label = (name: string): string => `{{.Label "com.docker.compose.${name}"}}`;
  const format = `${label('project')} ${label('service')} {{.Image}} {{.Status}}`;
  const containers = (await ask('ps', '--all', '--no-trunc', '--format', format)).map((line) =>
    // without how long it is up
    untagged(line).replace(/ Up .*\((\w+)\)$/, ' $1'),
  );
  const networks = await ask(
    ...['network', 'ls', '--filter', 'label=com.docker.compose.project', '--format', '{{.Name}}'],
  );
  return [
    ...compare(
      'compose host: containers',
      containers,
      projects.map(({ name, record }) => `${name} web ${imageOf(record)} healthy`),
    ),
    ...compare(
      'compose host: networks',
      networks,
      projects.map(({ name }) => `${name}_default`),
    ),
    ...compare('compose host: volumes', await ask('volume', 'ls', '--quiet'), []),
  ];
}

/** What it needs to be started with. */
async function furnishTraefik({ traefik, host, door }: Scenery): Promise<() => Promise<void>> {
  const dynamic = path.join(traefik.folder, 'dynamic');
  await mkdir(path.join(dynamic, '.slipway'), { recursive: true });
  await writeFile(
    traefik.configuration,
    `entryPoints:
  web: { address: '${door}' }
providers:
  providersThrottleDuration: 100ms
  file: { directory: ${dynamic}, watch: true }
`,
  );
  const service = (colour: 'blue' | 'green'): string =>
    `site-${colour}: { loadBalancer: { servers: [{ url: 'http://${host.address}:${PORTS[colour]}' }] } }`;
  await writeFile(
    path.join(dynamic, 'site.yml'),
    `http:
  routers:
    site: { rule: 'PathPrefix(\`/\`)', service: site, entryPoints: [web] }
  services:
    site:
      weighted:
        services:
          - { name: site-blue, weight: 1 }
    ${service('blue')}
    ${service('green')}
`,
  );
  // 404 until it has read its files, then whatever the colours say
  const isUp = async (): Promise<boolean> =>
    fetch(`http://${door}/colour`).then(
      ({ status }) => status !== 404,
      () => false,
    );
  const start = (): Promise<void> => traefik.start(isUp);
  await start();
  return start;
}

function composeFile(registry: TestRegistry, project: string, port: number): string {
  return `name: ${project}
services:
  web:
    image: ${registry.server}/${IMAGE}:\${IMAGE_TAG}
    restart: always
    environment: { COLOUR: '\${COLOUR:-}' }
    ports: ['${port}:${PORT_INSIDE}']
    stop_grace_period: 1s
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:${PORT_INSIDE}/health']
      interval: 500ms
      timeout: 2s
      retries: 4
`;
}

function pipelineFile({ host, registry, traefik, door }: Scenery): string {
  const address = (port: number): string => `http://${host.address}:${port}`;
  const shared = `
    from: { tag: 'v*.*.*' }
    start: manual
    hosts: ["${host.user}@${host.address}"]
    ssh: { key: "file:${host.keyPath}", known-hosts: known_hosts }
    preflight: { registry-login: false }
    timeout: 60s
    checks: [health]
    bake: { for: 1s, interval: 250ms, failures: 2, checks: [orders] }`;
  return `pipeline: site
image: { repository: ${registry.server}/${IMAGE}, cache: none }
checks:
  health: { http: /health, timeout: 2s, retries: 40, interval: 250ms }
  orders: { http: /orders, timeout: 2s }
environments:
  prod:${shared}
    queue: fifo
    strategy: blue-green
    platform: { compose: ${FOLDER}, file: 'deploy/compose-{colour}.yaml' }
    url: http://${door}
    traffic:
      traefik: ${traefik.folder}/dynamic/site.yml
      services: { blue: site-blue, green: site-green }
      colours: { blue: "${address(PORTS.blue)}", green: "${address(PORTS.green)}" }
      confirm: { url: /colour, body: true, times: 5, timeout: 20s }
      drain: 200ms
      steps: [20%, 60%, 100%]
      each: 1s
    keep-warm: 15s
  stage:${shared}
    queue: newest
    platform: { compose: ${FOLDER}, file: deploy/compose.yaml }
    url: ${address(PORTS.stage)}
`;
}
