/**
 * Everything the team of examples/web-template has, for real: a staging server with Docker Compose, a Kubernetes cluster whose
 * pods run, a registry that wants a token, BuildKit, PostgreSQL, Prometheus, a git repository on a stand-in for GitHub, a
 * Temporal server and a worker. The files are the example's own, with this machine's addresses and shorter times.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { must } from './base-image.js';
import { createDockerConfig, startBuildkit } from './buildkit.js';
import { installCompose } from './compose-plugin.js';
import { startDockerHost, type DockerHost } from './docker-host.js';
import { startGithub, type GithubStandIn } from './github/stand-in.js';
import { assemble, startAll, type Kept } from './kept.js';
import { startKubelet } from './kubelet.js';
import { startKubernetes, type TestCluster } from './kubernetes.js';
import { plantToken } from './planted.js';
import { startPostgres } from './postgres.js';
import { startPrometheus, type Prometheus } from './prometheus.js';
import { pushPythonImage, pythonImage } from './python-image.js';
import { portOf, startRegistry, type TestRegistry } from './registry.js';
import type { TestRepository } from './repository.js';
import { endProcess, runSlipway, startTemporal, startWorker, type CommandEnd } from './slipway-processes.js';
import { putTeamTools } from './team-tools.js';
import { environmentOf, environmentOfPeople, environmentOfWorker, leftoversIn } from './team-environment.js';
import { applyDeployment, applyRights, setPullSecret, tokenOf } from './web-template-cluster.js';
import {
  createTeamRepository,
  edited,
  givePeopleKeys,
  readExample,
  writePolicy,
  type Files,
} from './team-repository.js';

const EXAMPLE = path.resolve('examples/web-template');
const LOGIN = { username: 'username', password: plantToken('ghcr-') };
const TOKEN = plantToken('ghp_');
const NAME = 'username/python-web-template';
const PASSWORD = plantToken('pg-');
const FOLDER = '/home/deploy/app';
const CHECKS = ['lint', 'test', 'CodeQL / analyze'];

export interface WebTemplateWorld {
  folder: string;
  staging: DockerHost;
  cluster: TestCluster;
  registry: TestRegistry;
  github: GithubStandIn;
  repository: TestRepository;
  temporal: EmbeddedTemporal;
  prometheus: Prometheus;
  /** Where users reach it. */
  urls: { staging: string; production: string };
  /** `slipway … --json` in the repository, as the user types it. */
  slipway(argv: string[], by?: string): Promise<CommandEnd>;
  /** A reviewed change of main that CI has found good, and the tag on it. */
  merge(message: string, files: Files, tag?: string): Promise<string>;
  /** `scripts/migrate.sh` of what is checked out, as a person runs it. */
  migrate(): Promise<void>;
  /** `kubectl apply` of the example's file, with this tag of the image. */
  applyByHand(tag: string): Promise<void>;
  /** The login that nodes pull with. */
  setPullSecret(password?: string): Promise<void>;
  /** What the worker has left in its folder for temporary files. */
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

export function startWebTemplateWorld(): Promise<WebTemplateWorld> {
  return assemble(build);
}

async function build({ later, keep, takeAway }: Kept): Promise<WebTemplateWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-web-template-'));
  later(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  const { staging, node } = await startAll(['staging', 'node'], async (name) =>
    keep(await startDockerHost({ name, swarm: false })),
  );
  const registry = keep(
    await startRegistry({ login: { ...LOGIN, scheme: 'token' }, address: staging.gateway }),
  );
  const dockerConfig = await createDockerConfig();
  later(() => dockerConfig.remove());
  const [cluster, buildkit, github, temporal, postgres] = await Promise.all([
    startKubernetes('none').then(keep),
    startBuildkit({ dockerConfig: dockerConfig.folder, plainRegistries: [registry.server] }).then(keep),
    startGithub(NAME).then(keep),
    startTemporal(folder).then(keep),
    startPostgres().then(keep),
    pushPythonImage(staging, folder, { server: registry.server, login: LOGIN }),
  ]);
  const kubelet = keep(await startKubelet(cluster, node));
  const [service, payments] = await Promise.all([kubelet.expose('app'), startPayments({ later })]);
  const prometheus = keep(await startPrometheus([service], 'web-template'));
  github.state.tokens.set(TOKEN, 'slipway-bot');
  await postgres.create('app');

  const addresses: Addresses = {
    ...{ staging, service, payments, server: registry.server, postgresPort: postgres.port },
    ...{ prometheusUrl: prometheus.url, repositoryUrl: github.repositoryUrl },
  };
  const files = editFiles(await readExample(EXAMPLE), addresses);
  files['deploy/known_hosts'] = await readFile(staging.knownHostsPath, 'utf8');
  const origin = path.join(folder, 'origin.git');
  const repository = await createTeamRepository(origin, 'web-template', files, []);
  later(() => repository.remove());
  await givePeopleKeys(folder, ['oleg', 'irina', 'vera', 'anna@example.com']);
  const policy = await writePolicy(folder, EXAMPLE, policyChanges(addresses));
  await setUpStaging(staging, files);

  const tools = await putTeamTools(folder, {
    engine: staging,
    server: registry.server,
    login: LOGIN,
    postgres: postgres.programs,
  });
  const people = await environmentOfPeople(folder, { temporal, github, origin }, [tools]);
  const manifest = files['deploy/kubernetes.yaml'] ?? '';
  const applyByHand = (tag: string): Promise<void> => applyDeployment(cluster, manifest, tag);
  await cluster.call('POST', '/api/v1/namespaces', {
    ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } },
  });
  const world: Omit<WebTemplateWorld, 'stop'> = {
    ...{ folder, staging, cluster, registry, github, repository, temporal, prometheus, applyByHand },
    urls: { staging: `http://${staging.address}:8000`, production: `http://${service}` },
    slipway: (argv, by = 'vera') =>
      runSlipway(
        [...argv, ...(argv[0] === 'release' ? ['--repository', github.repositoryUrl] : [])],
        repository.folder,
        environmentOf(folder, people, by),
      ),
    merge: (message, changed, tag) => merge({ repository, github }, message, changed, tag),
    migrate: async () => {
      const env = {
        PATH: people['PATH'],
        PGHOST: '127.0.0.1',
        PGPORT: String(postgres.port),
        PGUSER: 'shop',
      };
      await execa('sh', ['scripts/migrate.sh'], {
        cwd: repository.folder,
        env: { ...env, PGDATABASE: 'app', PGPASSWORD: PASSWORD },
        extendEnv: false,
      });
    },
    setPullSecret: (password = LOGIN.password) =>
      setPullSecret(cluster, registry.server, { ...LOGIN, password }),
    leftovers: () => leftoversIn(folder),
  };
  await world.setPullSecret();
  await applyRights(cluster, manifest);
  const worker = await startWorker(folder, {
    ...people,
    ...environmentOfWorker({
      ...{ policy, server: registry.server, buildkit, github },
      ...{ dockerConfig: dockerConfig.folder, githubToken: TOKEN },
    }),
    GITHUB_TOKEN: LOGIN.password,
    DEPLOY_SSH_KEY: await readFile(staging.keyPath, 'utf8'),
    KUBE_CONFIG: cluster.kubeconfigFor(await tokenOf(cluster)),
    PROD_PGPASSWORD: PASSWORD,
  });
  later(() => endProcess(worker));
  return { ...world, stop: takeAway };
}

interface Addresses {
  staging: DockerHost;
  /** Of the pods, `host:port`. */
  service: string;
  payments: string;
  server: string;
  postgresPort: number;
  prometheusUrl: string;
  repositoryUrl: string;
}

/** In the pipeline file as in the policy. */
function placeChanges({ staging, service, postgresPort }: Addresses): [string, string][] {
  return [
    ['user@staging-server', `deploy@${staging.address}`],
    ['/app', FOLDER],
    ['https://example.com', `http://${service}`],
    ['-h db.internal -U app', `-h 127.0.0.1 -p ${postgresPort} -U shop`],
    ['wait: 5m', 'wait: 1s'],
  ];
}

function editFiles(files: Files, addresses: Addresses): Files {
  const { staging, server, payments, prometheusUrl } = addresses;
  const image: [string, string] = ['ghcr.io', server];
  const change = (name: string, changes: [string, string][]): Files => ({
    [name]: edited(files[name] ?? '', changes),
  });
  return {
    ...files,
    ...change('slipway.yaml', [
      ...placeChanges(addresses).map(([from, to]): [string, string] =>
        from === '/app' ? ['compose: /app', `compose: ${FOLDER}`] : [from, to],
      ),
      image,
      ['https://staging.example.com', `http://${staging.address}:8000`],
      ['payments.example.com:443', payments],
      ['http://prometheus.internal:9090', prometheusUrl],
      ['days: Mon-Thu, hours: 09:00-17:00', 'days: Mon-Sun, hours: 00:00-24:00'],
      ['interval: 5s', 'interval: 300ms'],
      ['[2m]', '[10s]'],
      ['for: 10m', 'for: 4s, interval: 300ms'],
    ]),
    ...change('scripts/container-smoke.sh', [['sleep 1', 'sleep 0.2']]),
    ...change('Dockerfile', [['python:3.13-slim', pythonImage(server)]]),
    ...change('deploy/compose.yaml', [
      image,
      ['interval: 5s', 'interval: 2s'],
      ['start_period: 30s', 'start_period: 3s'],
    ]),
    ...change('deploy/kubernetes.yaml', [image, ['replicas: 2', 'replicas: 1']]),
  };
}

/** What lies on the worker. */
function policyChanges(addresses: Addresses): [string, string][] {
  return [
    ['git@github.com:username/python-web-template.git', addresses.repositoryUrl],
    ...placeChanges(addresses).map(([from, to]): [string, string] =>
      from === '/app' ? ['[/app,', `[${FOLDER},`] : [from, to],
    ),
    [', ghcr.io]', `, '${addresses.server}']`],
  ];
}

/** What the README asks of the staging server: compose and the project's folder. A release brings its own login. */
async function setUpStaging(host: DockerHost, files: Files): Promise<void> {
  await installCompose(host);
  await must(host.run(['mkdir', '-p', FOLDER], { asUser: true }));
  await writeFile(path.join(host.home, 'app', 'compose.yaml'), files['deploy/compose.yaml'] ?? '');
}

async function merge(
  { repository, github: { state } }: Pick<WebTemplateWorld, 'repository' | 'github'>,
  message: string,
  files: Files,
  tag?: string,
): Promise<string> {
  const sha = await repository.commit(message, files);
  await repository.git('push', '--quiet', 'origin', 'main');
  state.branches['main'] = sha;
  state.pulls.push({
    ...{ number: state.pulls.length + 1, title: message, base: 'main', headSha: sha, mergeSha: sha },
    ...{ merged: true, author: 'anna', commits: [{ sha, author: 'anna' }], reviews: [] },
    mergedAt: new Date().toISOString(),
  });
  for (const name of CHECKS) state.checkRuns.push({ sha, name, status: 'completed', conclusion: 'success' });
  if (tag !== undefined) {
    await repository.git('tag', tag);
    await repository.git('push', '--quiet', 'origin', tag);
  }
  return sha;
}

/** A service of somebody else's. */
async function startPayments({ later }: Pick<Kept, 'later'>): Promise<string> {
  const server = net.createServer((socket) => socket.destroy());
  later(async () => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${portOf(server)}`;
}
