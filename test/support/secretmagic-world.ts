/**
 * Everything the team of examples/secretmagic has, for real: three Swarm hosts, a registry that wants a token, BuildKit,
 * nginx in front of prod, Prometheus, a git repository, a Temporal server and a worker process. The files are the
 * example's own, with this machine's addresses and shorter times.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { baseImage, logIn, must, pushBaseImage } from './base-image.js';
import { createDockerConfig, startBuildkit } from './buildkit.js';
import { startDockerHost, type DockerHost } from './docker-host.js';
import { NGINX, nginxCommand, startHostNginx } from './host-nginx.js';
import { assemble, startAll, type Kept } from './kept.js';
import { part } from './parts.js';
import { plantToken } from './planted.js';
import { startPrometheus } from './prometheus.js';
import { startRegistry, type TestRegistry } from './registry.js';
import type { TestRepository } from './repository.js';
import { endProcess, runSlipway, startTemporal, startWorker, type CommandEnd } from './slipway-processes.js';
import { createTeamRepository, edited, givePeopleKeys, readExample, writePolicy } from './team-repository.js';

const EXAMPLE = path.resolve('examples/secretmagic');
const LOGIN = { username: 'token', password: plantToken('selectel-') };
const IMAGE = 'autoorder-platform/secretmagic';
const PROXY_PORT = 8080;

export interface SecretmagicWorld {
  folder: string;
  hosts: { dev: DockerHost; stage: DockerHost; prod: DockerHost };
  registry: TestRegistry;
  repository: TestRepository;
  temporal: EmbeddedTemporal;
  /** `slipway … --json` in the repository, as the user types it. */
  slipway(argv: string[], by?: string): Promise<CommandEnd>;
  /** Commits on a branch and pushes it. */
  push(branch: string, message: string, files: Record<string, string>): Promise<string>;
  /** `docker login` of the deploy user on a host. */
  logIn(host: DockerHost): Promise<void>;
  /** The digest under a tag of the image; null = no such tag. */
  digestOf(tag: string): Promise<string | null>;
  /** Through nginx. */
  prodUrl: string;
  worker(): ChildProcess;
  startWorker(): Promise<void>;
  /** What the worker has left in its folder for temporary files. */
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

export function startSecretmagicWorld(): Promise<SecretmagicWorld> {
  return assemble(build);
}

async function build({ later, keep, takeAway }: Kept): Promise<SecretmagicWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-secretmagic-'));
  later(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  const hosts = await startAll(['dev', 'stage', 'prod'], async (name) =>
    keep(await startDockerHost({ name })),
  );
  const { dev, stage, prod } = hosts;
  const registry = keep(await startRegistry({ login: { ...LOGIN, scheme: 'token' }, address: dev.gateway }));
  const dockerConfig = await createDockerConfig();
  later(() => dockerConfig.remove());
  const buildkit = keep(
    await startBuildkit({ dockerConfig: dockerConfig.folder, plainRegistries: [registry.server] }),
  );
  const [, prometheus, temporal] = await Promise.all([
    pushBaseImage(dev, folder, registry.server, LOGIN),
    startPrometheus([`${prod.address}:8081`, `${prod.address}:8082`], 'secretmagic').then(keep),
    startTemporal(folder).then(keep),
    startNginx(prod),
  ]);
  const addresses = { hosts, registry, prometheusUrl: prometheus.url };
  const origin = path.join(folder, 'origin.git');
  const files = editFiles(await readExample(EXAMPLE), addresses, nginxCommand(await part('nginx')));
  files['deploy/known_hosts'] = await readFile(dev.knownHostsPath, 'utf8');
  const repository = await createTeamRepository(origin, 'secretmagic', files, ['develop']);
  later(() => repository.remove());
  const policyFile = await writePolicy(folder, EXAMPLE, await policyChanges(addresses, origin));
  await givePeopleKeys(folder, ['oleg', 'irina', 'vera', 'anna@example.com']);
  const home = path.join(folder, 'home');
  const temporary = path.join(folder, 'tmp');
  await mkdir(path.join(home, '.ssh'), { recursive: true, mode: 0o700 });
  await mkdir(temporary);
  const known = await Promise.all([stage, prod].map((host) => readFile(host.knownHostsPath, 'utf8')));
  await writeFile(path.join(home, '.ssh', 'known_hosts'), known.join(''));
  const person = {
    PATH: process.env['PATH'],
    HOME: home,
    TMPDIR: temporary,
    TEMPORAL_ADDRESS: temporal.address,
  };
  const key = (host: DockerHost): Promise<string> => readFile(host.keyPath, 'utf8');
  const workerEnv = {
    ...person,
    SLIPWAY_METRICS_ADDRESS: 'off',
    SLIPWAY_HEALTH_ADDRESS: 'off',
    SLIPWAY_POLICY: policyFile,
    SLIPWAY_INSECURE_REGISTRIES: registry.server,
    SLIPWAY_BUILDER: buildkit.builderName,
    DOCKER_CONFIG: dockerConfig.folder,
    SELECTEL_REGISTRY_PASSWORD: LOGIN.password,
    DEV_SWARM_SSH_KEY: await key(dev),
    STAGE_SWARM_HOST: stage.address,
    STAGE_SWARM_USER: stage.user,
    STAGE_SWARM_SSH_KEY: await key(stage),
    PROD_SWARM_HOST: prod.address,
    PROD_SWARM_USER: prod.user,
    PROD_SWARM_SSH_KEY: await key(prod),
    PROD_POSTGRES_PASSWORD: plantToken('prod-postgres-'),
    PROD_STARROCKS_PASSWORD: plantToken('prod-starrocks-'),
  };
  let worker: ChildProcess | null = null;
  later(async () => {
    if (worker !== null) await endProcess(worker);
  });

  const world: SecretmagicWorld = {
    folder,
    hosts,
    registry,
    repository,
    temporal,
    prodUrl: `http://${prod.address}:${PROXY_PORT}`,
    slipway: (argv, by = 'vera') =>
      runSlipway(argv, repository.folder, {
        ...person,
        SLIPWAY_ACTOR: by,
        SLIPWAY_SIGNING_KEY: path.join(folder, 'people', by),
      }),
    push: async (branch, message, files) => {
      await repository.git('switch', '--quiet', branch);
      const commit = await repository.commit(message, files);
      await repository.git('push', '--quiet', 'origin', branch);
      return commit;
    },
    logIn: (host) => logIn(host, registry.server, LOGIN, { asUser: true }),
    digestOf: (tag) => registry.digestOf(IMAGE, tag),
    worker: () => {
      if (worker === null) throw new Error('no worker was started');
      return worker;
    },
    startWorker: async () => {
      worker = await startWorker(folder, workerEnv);
    },
    leftovers: () => readdir(temporary),
    stop: takeAway,
  };
  await startDevByHand(world, dockerConfig.folder, buildkit.builderName);
  await Promise.all([world.logIn(dev), world.logIn(prod), world.startWorker()]);
  return world;
}

async function startNginx(prod: DockerHost): Promise<void> {
  const site = edited(await readFile(path.join(EXAMPLE, 'deploy/nginx/secretmagic.conf'), 'utf8'), [
    ['/etc/nginx/slipway', `${NGINX}/slipway`],
    ['listen 80;', `listen ${PROXY_PORT};`],
  ]);
  const upstream = await readFile(path.join(EXAMPLE, 'deploy/nginx/slipway-secretmagic.conf'), 'utf8');
  await startHostNginx(prod, { 'conf.d/secretmagic.conf': site, 'slipway/secretmagic.conf': upstream });
}

interface Addresses {
  hosts: SecretmagicWorld['hosts'];
  registry: TestRegistry;
  prometheusUrl: string;
}

/** The example as it is, with this machine's addresses and shorter times. */
function editFiles(
  files: Record<string, string>,
  addresses: Addresses,
  nginx: string,
): Record<string, string> {
  const stacks = Object.entries(files).filter(([name]) => name.startsWith('deploy/swarm/'));
  const shorter = stacks.map(([name, text]): [string, string] => [
    name,
    edited(text, [
      ['cr.selcloud.ru', addresses.registry.server],
      ['interval: 5s', 'interval: 3s'],
      ['retries: 3', 'retries: 2'],
      ['start_period: 60s', 'start_period: 1s'],
      ['stop_grace_period: 10s', 'stop_grace_period: 2s'],
      ['monitor: 5s', 'monitor: 1s'],
      ['delay: 5s', 'delay: 1s'],
    ]),
  ]);
  const pipeline = editPipeline(files['slipway.yaml'] ?? '', addresses, nginx);
  return { ...files, ...Object.fromEntries(shorter), 'slipway.yaml': pipeline };
}

function editPipeline(text: string, { hosts, registry, prometheusUrl }: Addresses, nginx: string): string {
  return edited(text, [
    ['cr.selcloud.ru', registry.server],
    ['node:20-alpine', baseImage(registry.server)],
    ['autoorder-cicd-runner@10.77.0.1', `${hosts.dev.user}@${hosts.dev.address}`],
    ['http://dev.secretmagic.internal', `http://${hosts.dev.address}:8080`],
    ['http://stage.secretmagic.internal', `http://${hosts.stage.address}:8080`],
    ['https://secretmagic.example.com', `http://${hosts.prod.address}:${PROXY_PORT}`],
    ['http://prometheus.internal:9090', prometheusUrl],
    ['/etc/nginx/slipway', `${NGINX}/slipway`],
    ['sudo -n nginx -t', `${nginx} -t`],
    ['sudo -n nginx -s reload', `${nginx} -s reload`],
    ['interval: 5s', 'interval: 300ms'],
    ['start-period: 60s', 'start-period: 5s'],
    ['[1m]', '[2s]'],
    ['timeout: 5m', 'timeout: 60s'],
    ['drain: 10s', 'drain: 200ms'],
    ['for: 15m, interval: 10s', 'for: 3s, interval: 300ms'],
  ]);
}

/** What lies on the worker. */
async function policyChanges({ hosts, registry }: Addresses, origin: string): Promise<[string, string][]> {
  const nginx = nginxCommand(await part('nginx'));
  return [
    ['git@git.example.com:autoorder/secretmagic.git', origin],
    ['autoorder-cicd-runner@10.77.0.1', `${hosts.dev.user}@${hosts.dev.address}`],
    ['/etc/nginx/slipway', `${NGINX}/slipway`],
    ['cr.selcloud.ru', registry.server],
    ['sudo -n nginx -t', JSON.stringify(`${nginx} -t`)],
    ['sudo -n nginx -s reload', JSON.stringify(`${nginx} -s reload`)],
  ];
}

/** Slipway updates dev's service; a person has created it, with an image of a first build. */
async function startDevByHand(
  { hosts: { dev }, registry, repository, logIn: logInto }: SecretmagicWorld,
  dockerConfig: string,
  builder: string,
): Promise<void> {
  const image = `${registry.server}/${IMAGE}:by-hand`;
  const config = path.join(dockerConfig, 'config.json');
  const before = await readFile(config, 'utf8');
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  await writeFile(config, JSON.stringify({ auths: { [registry.server]: { auth } } }));
  const build = [
    'buildx',
    'build',
    '--builder',
    builder,
    '--build-arg',
    `BASE=${baseImage(registry.server)}`,
  ];
  await execa('docker', [...build, '--push', '--tag', image, repository.folder], {
    env: { DOCKER_CONFIG: dockerConfig },
  });
  await writeFile(config, before);
  await logInto(dev);
  const stdin = await readFile(path.join(repository.folder, 'deploy/swarm/dev.yml'), 'utf8');
  const deploy = 'IMAGE_TAG=by-hand docker stack deploy --with-registry-auth -c - secretmagic-dev';
  await must(dev.run(['sh', '-c', deploy], { stdin, asUser: true }));
}
