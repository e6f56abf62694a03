/**
 * Everything the team of examples/katz-backend has, for real: two hosts with Docker Compose, a registry that wants a token,
 * BuildKit, a git repository on a stand-in for GitHub, a Temporal server, a worker and `slipway serve`. The files are the
 * example's own, with this machine's addresses and shorter times.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { baseImage, logIn, must, pushBaseImage } from './base-image.js';
import { createDockerConfig, startBuildkit } from './buildkit.js';
import { installCompose } from './compose-plugin.js';
import { startDockerHost, type DockerHost } from './docker-host.js';
import { startGithub, type GithubStandIn } from './github/stand-in.js';
import { createGithubTeam, type GithubTeam } from './github-team.js';
import { assemble, startAll, type Kept } from './kept.js';
import { plantToken } from './planted.js';
import { startRegistry, type TestRegistry } from './registry.js';
import {
  endProcess,
  runSlipway,
  startServe,
  startTemporal,
  startWorker,
  type CommandEnd,
  type Environment,
} from './slipway-processes.js';
import { environmentOf, environmentOfPeople, environmentOfWorker, leftoversIn } from './team-environment.js';
import {
  createTeamRepository,
  edited,
  givePeopleKeys,
  readExample,
  writePolicy,
  type Files,
} from './team-repository.js';

const EXAMPLE = path.resolve('examples/katz-backend');
const LOGIN = { username: 'froloveee3', password: plantToken('ghcr-') };
const TOKEN = plantToken('ghp_');
const NAME = 'froloveee3/katz-backend';
const FOLDER = '/home/deploy/katz-backend';
const WEBHOOK_SECRET = plantToken('whsec-');
const SECRETS = {
  staging: {
    database: `postgres://katz:${plantToken()}@db.staging:5432/katz`,
    jwt: plantToken('staging-jwt-'),
  },
  production: { database: `postgres://katz:${plantToken()}@db.prod:5432/katz`, jwt: plantToken('prod-jwt-') },
};
/** As `slipway.yaml` names them: the tests first, the summary last. */
const CHECKS = [
  'dev - lint and test',
  'Security Checks',
  'Code Quality Checks',
  'Docker File Checks',
  'Config File Validation',
  'CI Success Check',
];

export type KatzEnvironment = 'staging' | 'production';

export interface KatzWorld {
  folder: string;
  hosts: Record<KatzEnvironment, DockerHost>;
  registry: TestRegistry;
  github: GithubStandIn;
  team: GithubTeam;
  temporal: EmbeddedTemporal;
  /** Where users reach it. */
  urls: Record<KatzEnvironment, string>;
  /** The team's pipeline file with these changes, to be committed. */
  pipelineFile(changes: [string, string][]): string;
  /** What signs sessions there. */
  jwtSecrets: Record<KatzEnvironment, string>;
  /** `slipway … --json` in the repository, as the user types it. */
  slipway(argv: string[], by?: string): Promise<CommandEnd>;
  /** `docker compose …` in the project's folder, as the deploy user. */
  compose(environment: KatzEnvironment, argv: string[]): Promise<string>;
  /** What the worker has left in its folder for temporary files. */
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

export function startKatzWorld(): Promise<KatzWorld> {
  return assemble(build);
}

async function build({ later, keep, takeAway }: Kept): Promise<KatzWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-katz-'));
  later(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  const hosts = await startAll(['staging', 'production'], async (name) =>
    keep(await startDockerHost({ name, swarm: false })),
  );
  const { staging, production } = hosts;
  const registry = keep(
    await startRegistry({ login: { ...LOGIN, scheme: 'token' }, address: staging.gateway }),
  );
  const dockerConfig = await createDockerConfig();
  later(() => dockerConfig.remove());
  const plainRegistries = [registry.server];
  const [buildkit, github, temporal] = await Promise.all([
    startBuildkit({ dockerConfig: dockerConfig.folder, plainRegistries }).then(keep),
    startGithub(NAME).then(keep),
    startTemporal(folder).then(keep),
    pushBaseImage(staging, folder, registry.server, LOGIN),
  ]);
  github.state.tokens.set(TOKEN, 'slipway-bot');

  const addresses = { hosts, server: registry.server, repositoryUrl: github.repositoryUrl };
  const files = editFiles(await readExample(EXAMPLE), addresses);
  const known = await Promise.all([staging, production].map((host) => readFile(host.knownHostsPath, 'utf8')));
  files['deploy/known_hosts'] = known.join('');
  const origin = path.join(folder, 'origin.git');
  const repository = await createTeamRepository(origin, 'katz-backend', files, ['dev', 'stage']);
  later(() => repository.remove());
  await givePeopleKeys(folder, ['irina', 'oleg', 'anna', 'boris', 'carol']);
  const beginning: [string, string] = [
    '6f1ed002ab5595859014ebf0951522d9d8f3f1d4',
    await repository.git('rev-parse', 'main'),
  ];
  const policy = await writePolicy(folder, EXAMPLE, [...policyChanges(addresses), beginning]);
  await Promise.all([staging, production].map((host) => setUpHost(host, registry.server, files)));

  const people = await environmentOfPeople(folder, { temporal, github, origin });
  const worker = await startWorker(folder, {
    ...people,
    ...environmentOfWorker({
      ...{ policy, server: registry.server, buildkit, github },
      ...{ dockerConfig: dockerConfig.folder, githubToken: TOKEN },
    }),
    ...(await secretsOf(hosts)),
  });
  later(() => endProcess(worker));
  const serve = await startServe(
    folder,
    ['--pipeline', 'katz-backend', '--repository', github.repositoryUrl],
    { ...people, SLIPWAY_WEBHOOK_SECRET: WEBHOOK_SECRET },
  );
  later(() => endProcess(serve.child));
  const webhook = { url: serve.url, secret: WEBHOOK_SECRET };

  return {
    ...{ folder, hosts, registry, github, temporal },
    team: createGithubTeam({ repository, github, webhook, checks: CHECKS }),
    urls: { staging: urlOf(staging), production: urlOf(production) },
    pipelineFile: (changes) => edited(files['slipway.yaml'] ?? '', changes),
    jwtSecrets: { staging: SECRETS.staging.jwt, production: SECRETS.production.jwt },
    slipway: (argv, by = 'boris') => runSlipway(argv, repository.folder, environmentOf(folder, people, by)),
    compose: async (environment, argv) => {
      const command = ['sh', '-c', 'cd "$0" && docker compose "$@"', FOLDER, ...argv];
      return (await must(hosts[environment].run(command, { asUser: true }))).stdout;
    },
    leftovers: () => leftoversIn(folder),
    stop: takeAway,
  };
}

/** What the README asks of a host: compose, the project's folder, Redis and ClickHouse. */
async function setUpHost(host: DockerHost, server: string, files: Files): Promise<void> {
  const asUser = true;
  await installCompose(host);
  await must(host.run(['mkdir', '-p', FOLDER], { asUser }));
  for (const [name, from] of [
    ['compose.yaml', 'deploy/compose.yaml'],
    ['.env', 'deploy/env.example'],
  ] as const)
    await writeFile(path.join(host.home, 'katz-backend', name), files[from] ?? '');
  await logIn(host, server, LOGIN, { asUser });
  const up = 'cd "$0" && docker compose up --detach --quiet-pull redis clickhouse';
  await must(host.run(['sh', '-c', up, FOLDER], { asUser }));
  // a release brings its own
  await must(host.run(['docker', 'logout', server], { asUser }));
}

async function secretsOf({ staging, production }: KatzWorld['hosts']): Promise<Environment> {
  return {
    GHCR_TOKEN: LOGIN.password,
    STAGING_SSH_KEY: await readFile(staging.keyPath, 'utf8'),
    STAGING_DATABASE_URL: SECRETS.staging.database,
    STAGING_JWT_SECRET: SECRETS.staging.jwt,
    PRODUCTION_SSH_KEY: await readFile(production.keyPath, 'utf8'),
    PROD_DATABASE_URL: SECRETS.production.database,
    PROD_JWT_SECRET: SECRETS.production.jwt,
  };
}

interface Addresses {
  hosts: KatzWorld['hosts'];
  server: string;
  repositoryUrl: string;
}

function urlOf(host: DockerHost): string {
  return `http://${host.address}:3000`;
}

/** In the pipeline file as in the policy. */
function placeChanges({ staging, production }: KatzWorld['hosts']): [string, string][] {
  return [
    ['/home/ubuntu/katz-backend', FOLDER],
    ['ubuntu@51.250.122.192', `deploy@${staging.address}`],
    ['ubuntu@51.250.50.213', `deploy@${production.address}`],
    ['http://51.250.50.213:3000', urlOf(production)],
  ];
}

function editFiles(files: Files, { hosts, server }: Addresses): Files {
  const listens = (port: number): string =>
    `${baseImage(server)}\n    command: [node, -e, "require('node:net').createServer().listen(${port})"]`;
  return {
    ...files,
    'slipway.yaml': edited(files['slipway.yaml'] ?? '', [
      ...placeChanges(hosts),
      ['http://51.250.122.192:3000', urlOf(hosts.staging)],
      ['ghcr.io', server],
      ['node:20-alpine', baseImage(server)],
      ['interval: 5s', 'interval: 300ms'],
      ['inside: katz-backend', 'inside: katz-backend, timeout: 2s, interval: 300ms'],
      ['\n    of: dev\n', '\n    of: dev\n    timeout: 20s\n'],
    ]),
    'deploy/compose.yaml': edited(files['deploy/compose.yaml'] ?? '', [
      ['ghcr.io', server],
      ['redis:7-alpine', listens(6379)],
      ['clickhouse/clickhouse-server:24.8-alpine', listens(8123)],
      // each check costs nearly a tenth of a second of a processor
      ['interval: 5s', 'interval: 2s'],
      ['start_period: 30s', 'start_period: 3s'],
    ]),
  };
}

/** What lies on the worker. */
function policyChanges({ hosts, server, repositoryUrl }: Addresses): [string, string][] {
  return [
    ['git@github.com:froloveee3/katz-backend.git', repositoryUrl],
    ['katz-backend, ghcr.io]', `katz-backend, '${server}']`],
    ...placeChanges(hosts),
  ];
}
