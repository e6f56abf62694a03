/**
 * Everything the team of examples/secretmagic has, for real: three Swarm hosts, a registry that wants a token, BuildKit,
 * nginx in front of prod, Prometheus, a git repository, a Temporal server and a worker process. The files are the
 * example's own, with this machine's addresses and shorter times.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { createDockerConfig, startBuildkit } from './buildkit.js';
import { startDockerHost, type DockerHost, type Output } from './docker-host.js';
import { part } from './parts.js';
import { startPrometheus } from './prometheus.js';
import { startRegistry, type TestRegistry } from './registry.js';
import { createRepository, type TestRepository } from './repository.js';
import { freePort } from './sshd.js';

const EXAMPLE = path.resolve('examples/secretmagic');
const LOGIN = { username: 'token', password: 'selectel-s3cret' };
const IMAGE = 'autoorder-platform/secretmagic';
const NGINX = '/home/deploy/nginx';
const PROXY_PORT = 8080;

export interface CommandEnd {
  exit: number;
  /** The object `--json` printed. */
  data: Record<string, unknown>;
  error: Record<string, unknown> | null;
  /** Everything it wrote, for messages. */
  text: string;
}

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

export async function startSecretmagicWorld(): Promise<SecretmagicWorld> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    return await build(cleanUps);
  } catch (error) {
    for (const cleanUp of cleanUps.reverse()) await cleanUp().catch(() => null);
    throw error;
  }
}

async function build(cleanUps: (() => Promise<unknown>)[]): Promise<SecretmagicWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-secretmagic-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  const keep = <Thing extends { stop(): Promise<unknown> }>(thing: Thing): Thing => {
    cleanUps.push(() => thing.stop());
    return thing;
  };
  const started = await Promise.allSettled(
    ['dev', 'stage', 'prod'].map(async (name) => keep(await startDockerHost({ name }))),
  );
  const [dev, stage, prod] = started.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
  if (dev === undefined || stage === undefined || prod === undefined)
    throw new Error('three hosts are needed');
  const hosts = { dev, stage, prod };
  const registry = keep(await startRegistry({ login: { ...LOGIN, scheme: 'token' }, address: dev.gateway }));
  const dockerConfig = await createDockerConfig();
  cleanUps.push(() => dockerConfig.remove());
  const buildkit = keep(
    await startBuildkit({ dockerConfig: dockerConfig.folder, plainRegistries: [registry.server] }),
  );
  const [, prometheus, temporal] = await Promise.all([
    pushBaseImage(dev, folder, registry.server),
    startPrometheus([`${prod.address}:8081`, `${prod.address}:8082`], 'secretmagic').then(keep),
    startTemporal(folder).then(keep),
    startNginx(prod),
  ]);
  const repository = await createTeamRepository(folder, { hosts, registry, prometheusUrl: prometheus.url });
  cleanUps.push(() => repository.remove());

  const policyFile = path.join(folder, 'policy.yaml');
  const policy = await editPolicy({ hosts, registry }, path.join(folder, 'origin.git'));
  await writeFile(policyFile, policy, { mode: 0o600 });
  await givePeopleKeys(folder);
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
    PROD_POSTGRES_PASSWORD: 'prod-postgres-s3cret',
    PROD_STARROCKS_PASSWORD: 'prod-starrocks-s3cret',
  };
  let worker: ChildProcess | null = null;
  cleanUps.push(async () => {
    if (worker === null || worker.exitCode !== null || worker.signalCode !== null) return;
    worker.kill('SIGTERM');
    await once(worker, 'exit');
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
    logIn: (host) => logIn(host, registry.server, true),
    digestOf: (tag) => registry.digestOf(IMAGE, tag),
    worker: () => {
      if (worker === null) throw new Error('no worker was started');
      return worker;
    },
    startWorker: async () => {
      worker = await startWorker(folder, workerEnv);
    },
    leftovers: () => readdir(temporary),
    stop: async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    },
  };
  await startDevByHand(world, dockerConfig.folder, buildkit.builderName);
  await Promise.all([
    logIn(dev, registry.server, true),
    logIn(prod, registry.server, true),
    world.startWorker(),
  ]);
  return world;
}

async function startTemporal(folder: string): Promise<EmbeddedTemporal> {
  return await startEmbeddedTemporal({
    port: await freePort(),
    uiPort: await freePort(),
    dataFolder: path.join(folder, 'temporal'),
    inMemory: true,
    env: { ...process.env, TEMPORAL_CLI_PATH: await part('temporal') },
  });
}

async function startWorker(folder: string, env: Record<string, string | undefined>): Promise<ChildProcess> {
  const log = openSync(path.join(folder, 'worker.log'), 'a');
  const worker = spawn(
    process.execPath,
    ['dist/workers/main.js', 'worker', '--json', '--data', path.join(folder, 'worker')],
    {
      env,
      stdio: ['ignore', 'pipe', log],
    },
  );
  closeSync(log);
  const ready = once(createInterface({ input: worker.stdout ?? process.stdin }), 'line');
  const ended = once(worker, 'exit').then(async () => {
    throw new Error(`the worker ended: ${await readFile(path.join(folder, 'worker.log'), 'utf8')}`);
  });
  await Promise.race([ready, ended]);
  ended.catch(() => undefined);
  return worker;
}

async function runSlipway(
  argv: string[],
  cwd: string,
  env: Record<string, string | undefined>,
): Promise<CommandEnd> {
  const program = path.resolve('dist/client/main.js');
  const ended = await execa(process.execPath, [program, ...argv, '--json'], {
    cwd,
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  const text = `slipway ${argv.join(' ')}: exit ${ended.exitCode}\n${ended.stdout}\n${ended.stderr}`;
  const last = ended.stdout.trim().split('\n').at(-1) ?? '';
  const printed = parseObject(last);
  if (printed === null || ended.exitCode === undefined) throw new Error(text);
  return { exit: ended.exitCode, data: asObject(printed['data']), error: nullable(printed['error']), text };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function nullable(value: unknown): Record<string, unknown> | null {
  return value === undefined || value === null ? null : asObject(value);
}

/** `node:20-alpine` cannot be pulled here: this machine's own Node and a busybox, pushed where the team's base lies. */
async function pushBaseImage(host: DockerHost, folder: string, server: string): Promise<void> {
  const root = path.join(folder, 'base');
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of ['sh', 'wget']) await symlink('busybox', path.join(root, 'bin', tool));
  await copyFile(process.execPath, path.join(root, 'bin', 'node'));
  await chmod(path.join(root, 'bin', 'node'), 0o755);
  const { stdout } = await execa('ldd', [process.execPath]);
  for (const [library] of stdout.matchAll(/\/\S+(?= \(0x)/g)) {
    await mkdir(path.join(root, path.dirname(library)), { recursive: true });
    await copyFile(library, path.join(root, library));
    await chmod(path.join(root, library), 0o755);
  }
  const tag = baseImage(server);
  await logIn(host, server, false);
  const script =
    'tar -C "$0" -c . | docker import --change "ENV PATH=/bin" - "$1" && docker push -q "$1" && docker rmi "$1"';
  await must(host.run(['sh', '-c', script, root, tag]));
  await must(host.docker(['logout', server]));
  await rm(root, { recursive: true });
}

function baseImage(server: string): string {
  return `${server}/base/node:20`;
}

async function logIn(host: DockerHost, server: string, asUser: boolean): Promise<void> {
  const argv = ['docker', 'login', server, '-u', LOGIN.username, '--password-stdin'];
  await must(host.run(argv, { stdin: LOGIN.password, asUser }));
}

/** As the deploy user, who may then test and reload it: what sudo is for on a real machine. */
async function startNginx(prod: DockerHost): Promise<void> {
  const program = await part('nginx');
  const temporaries = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${NGINX}/tmp-${kind};`,
  );
  const main = [
    `worker_processes 1; pid ${NGINX}/nginx.pid; error_log ${NGINX}/error.log; worker_shutdown_timeout 5s;`,
    `events { worker_connections 256; }`,
    `http { access_log off; ${temporaries.join(' ')} include ${NGINX}/conf.d/*.conf; }`,
  ];
  const site = edited(await readFile(path.join(EXAMPLE, 'deploy/nginx/secretmagic.conf'), 'utf8'), [
    ['/etc/nginx/slipway', `${NGINX}/slipway`],
    ['listen 80;', `listen ${PROXY_PORT};`],
  ]);
  const upstream = await readFile(path.join(EXAMPLE, 'deploy/nginx/slipway-secretmagic.conf'), 'utf8');
  const asUser = true;
  await must(prod.run(['mkdir', '-p', `${NGINX}/conf.d`, `${NGINX}/slipway`], { asUser }));
  for (const [file, stdin] of [
    ['nginx.conf', main.join('\n')],
    ['conf.d/secretmagic.conf', site],
    ['slipway/secretmagic.conf', upstream],
  ] as const) {
    await must(prod.run(['sh', '-c', 'cat > "$0"', `${NGINX}/${file}`], { stdin, asUser }));
  }
  await must(prod.run(['sh', '-c', `${nginxCommand(program)} >/dev/null 2>&1`], { asUser }));
}

function nginxCommand(program: string): string {
  return `${program} -p ${NGINX} -e ${NGINX}/error.log -c ${NGINX}/nginx.conf`;
}

interface Addresses {
  hosts: SecretmagicWorld['hosts'];
  registry: TestRegistry;
  prometheusUrl: string;
}

/** The example as it is, with this machine's addresses and shorter times; `main` and `develop`, pushed to a bare origin. */
async function createTeamRepository(folder: string, addresses: Addresses): Promise<TestRepository> {
  const repository = await createRepository();
  const origin = path.join(folder, 'origin.git');
  await repository.git('init', '--quiet', '--bare', origin);
  await repository.git('remote', 'add', 'origin', origin);
  const names = await readdir(EXAMPLE, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of names.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    if (path.relative(EXAMPLE, file).startsWith('worker/')) continue;
    files[path.relative(EXAMPLE, file)] = await readFile(file, 'utf8');
  }
  for (const name of Object.keys(files).filter((file) => file.startsWith('deploy/swarm/')))
    files[name] = edited(files[name] ?? '', [
      ['cr.selcloud.ru', addresses.registry.server],
      ['interval: 5s', 'interval: 1s'],
      ['retries: 3', 'retries: 2'],
      ['start_period: 60s', 'start_period: 1s'],
      ['stop_grace_period: 10s', 'stop_grace_period: 2s'],
      ['monitor: 5s', 'monitor: 1s'],
      ['delay: 5s', 'delay: 1s'],
    ]);
  const nginx = nginxCommand(await part('nginx'));
  files['slipway.yaml'] = editPipeline(files['slipway.yaml'] ?? '', addresses, nginx);
  files['deploy/known_hosts'] = await readFile(addresses.hosts.dev.knownHostsPath, 'utf8');
  await repository.commit('feat: secretmagic', files);
  await repository.git('branch', 'develop');
  await repository.git('push', '--quiet', 'origin', 'main', 'develop');
  return repository;
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

/** Everybody has an SSH key; the worker knows whose is whose. */
async function givePeopleKeys(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'people'), { mode: 0o700 });
  const lines: string[] = [];
  for (const name of ['oleg', 'irina', 'vera', 'anna@example.com']) {
    const file = path.join(folder, 'people', name);
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
    lines.push(`${name} ${await readFile(`${file}.pub`, 'utf8')}`);
  }
  await writeFile(path.join(folder, 'allowed_signers'), lines.join(''), { mode: 0o600 });
}

/** What lies on the worker. */
async function editPolicy(at: Omit<Addresses, 'prometheusUrl'>, origin: string): Promise<string> {
  const { hosts, registry } = at;
  const nginx = nginxCommand(await part('nginx'));
  return edited(await readFile(path.join(EXAMPLE, 'worker/policy.yaml'), 'utf8'), [
    ['git@git.example.com:autoorder/secretmagic.git', origin],
    ['autoorder-cicd-runner@10.77.0.1', `${hosts.dev.user}@${hosts.dev.address}`],
    ['/etc/nginx/slipway', `${NGINX}/slipway`],
    ['cr.selcloud.ru', registry.server],
    ['sudo -n nginx -t', JSON.stringify(`${nginx} -t`)],
    ['sudo -n nginx -s reload', JSON.stringify(`${nginx} -s reload`)],
  ]);
}

/** Every place of each; throws when the example no longer says it. */
function edited(text: string, changes: [string, string][]): string {
  return changes.reduce((current, [from, to]) => {
    if (!current.includes(from)) throw new Error(`examples/secretmagic no longer says ${from}`);
    return current.replaceAll(from, to);
  }, text);
}

/** Slipway updates dev's service; a person has created it, with an image of a first build. */
async function startDevByHand(
  { hosts: { dev }, registry, repository }: SecretmagicWorld,
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
  await logIn(dev, registry.server, true);
  const stdin = await readFile(path.join(repository.folder, 'deploy/swarm/dev.yml'), 'utf8');
  const deploy = 'IMAGE_TAG=by-hand docker stack deploy --with-registry-auth -c - secretmagic-dev';
  await must(dev.run(['sh', '-c', deploy], { stdin, asUser: true }));
}

async function must(output: Promise<Output>): Promise<Output> {
  const result = await output;
  if (result.exitCode !== 0) throw new Error(`exit ${result.exitCode}: ${result.stdout}\n${result.stderr}`);
  return result;
}
