/**
 * What every team of `examples/` that works on GitHub has, for real: hosts with Docker Compose, a registry that wants a
 * token, BuildKit, PostgreSQL, a git repository on a stand-in for GitHub, people with keys, a Temporal server, a worker and
 * `slipway serve`. The files are the example's own, changed where this machine differs.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EmbeddedTemporal } from '../../workers/embedded-temporal.js';
import { logIn, must, pushBaseImage, type RegistryLogin } from './base-image.js';
import { createDockerConfig, startBuildkit } from './buildkit.js';
import { installCompose } from './compose-plugin.js';
import { startDockerHost, type DockerHost } from './docker-host.js';
import { startGithub, type GithubStandIn } from './github/stand-in.js';
import { createGithubTeam, type GithubTeam } from './github-team.js';
import { startAll, type Kept } from './kept.js';
import { part } from './parts.js';
import { plantToken } from './planted.js';
import { startPostgres, type Postgres } from './postgres.js';
import { pushPythonImage } from './python-image.js';
import { startRegistry, type TestRegistry } from './registry.js';
import type { TestRepository } from './repository.js';
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
  givePeopleKeys,
  readExample,
  writePolicy,
  type Files,
} from './team-repository.js';

const WEBHOOK_SECRET = plantToken('whsec-');
const GITHUB_TOKEN = plantToken('ghp_');

/** What the example's files are changed by. */
export interface Places<Name extends string> {
  hosts: Record<Name, DockerHost>;
  /** `ADDRESS:PORT` of the registry. */
  server: string;
  repositoryUrl: string;
}

export interface TeamWorldOptions<Name extends string> {
  /** Folder of the example, and name of its pipeline. */
  example: string;
  /** `owner/name` on GitHub. */
  repository: string;
  hosts: readonly Name[];
  login: RegistryLogin;
  people: string[];
  /** Names that CI reports, and what it runs. */
  checks: string[];
  ci: string;
  /** Images beside Python's that the team builds on; see base-image.ts. */
  withNode?: boolean;
  editFiles(files: Files, places: Places<Name>): Files;
  /** In the policy. */
  policyChanges(places: Places<Name>): [string, string][];
  /** What `slipway.yaml` names of the worker's variables. */
  secretsOf(places: Places<Name>): Promise<Environment>;
}

export interface TeamWorld<Name extends string> extends Places<Name> {
  folder: string;
  registry: TestRegistry;
  postgres: Postgres;
  github: GithubStandIn;
  repository: TestRepository;
  team: GithubTeam;
  temporal: EmbeddedTemporal;
  /** The example as it is in the repository. */
  files: Files;
  /** `slipway … --json` in the repository, as the user types it. */
  slipway(argv: string[], by: string): Promise<CommandEnd>;
  /** `docker login` of the deploy user on a host. */
  logIn(host: DockerHost): Promise<void>;
  killWorker(): Promise<void>;
  startWorker(): Promise<void>;
  /** What the worker has left in its folder for temporary files. */
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

export async function buildTeamWorld<Name extends string>(
  { later, keep, takeAway }: Kept,
  options: TeamWorldOptions<Name>,
): Promise<TeamWorld<Name>> {
  const { example, login } = options;
  const folder = await mkdtemp(path.join(tmpdir(), `slw-${example}-`));
  later(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  const hosts = await startAll(options.hosts, async (name) =>
    keep(await startDockerHost({ name, swarm: false })),
  );
  const [first] = Object.values<DockerHost>(hosts);
  if (first === undefined) throw new Error(`${example} has no host`);
  const { gateway } = first;
  const registry = keep(await startRegistry({ login: { ...login, scheme: 'token' }, address: gateway }));
  const { server } = registry;
  const dockerConfig = await createDockerConfig();
  later(() => dockerConfig.remove());
  const [buildkit, github, temporal, postgres] = await Promise.all([
    startBuildkit({ dockerConfig: dockerConfig.folder, plainRegistries: [server] }).then(keep),
    startGithub(options.repository).then(keep),
    startTemporal(folder).then(keep),
    startPostgres({ address: gateway }).then(keep),
    pushPythonImage(first, folder, { server, login }).then(() =>
      // one login after the other
      options.withNode === true ? pushBaseImage(first, folder, server, login) : undefined,
    ),
    ...Object.values<DockerHost>(hosts).map(installCompose),
  ]);
  github.state.tokens.set(GITHUB_TOKEN, 'slipway-bot');

  const places: Places<Name> = { hosts, server, repositoryUrl: github.repositoryUrl };
  const source = path.resolve('examples', example);
  const files = options.editFiles(await readExample(source), places);
  const known = Object.values<DockerHost>(hosts).map((host) => readFile(host.knownHostsPath, 'utf8'));
  files['deploy/known_hosts'] = (await Promise.all(known)).join('');
  const origin = path.join(folder, 'origin.git');
  const repository = await createTeamRepository(origin, example, files, []);
  later(() => repository.remove());
  await givePeopleKeys(folder, options.people);
  const policy = await writePolicy(folder, source, options.policyChanges(places));
  const tools = path.dirname(await part('pytest'));
  const people = await environmentOfPeople(folder, { temporal, github, origin }, [tools]);
  const worker = keeperOf(folder, {
    ...people,
    ...environmentOfWorker({
      ...{ policy, server, buildkit, github },
      ...{ dockerConfig: dockerConfig.folder, githubToken: GITHUB_TOKEN },
    }),
    ...(await options.secretsOf(places)),
  });
  later(worker.end);
  const served = ['--pipeline', example, '--repository', github.repositoryUrl];
  const serve = await startServe(folder, served, { ...people, SLIPWAY_WEBHOOK_SECRET: WEBHOOK_SECRET });
  later(() => endProcess(serve.child));
  await worker.start();
  const webhook = { url: serve.url, secret: WEBHOOK_SECRET };
  const { checks, ci } = options;

  return {
    ...places,
    ...{ folder, registry, postgres, github, repository, temporal, files },
    team: createGithubTeam({ repository, github, webhook, checks, ci }),
    slipway: (argv, by) => runSlipway(argv, repository.folder, environmentOf(folder, people, by)),
    logIn: (host) => logIn(host, server, login, { asUser: true }),
    killWorker: worker.kill,
    startWorker: worker.start,
    leftovers: () => leftoversIn(folder),
    stop: takeAway,
  };
}

function keeperOf(folder: string, env: Environment) {
  let worker: ChildProcess | null = null;
  return {
    start: async () => {
      worker = await startWorker(folder, env);
    },
    kill: async () => {
      if (worker === null) throw new Error('no worker was started');
      const gone = once(worker, 'exit');
      worker.kill('SIGKILL');
      await gone;
    },
    end: async () => {
      if (worker !== null) await endProcess(worker);
    },
  };
}

/** Files in the deploy user's home, which nobody but that user can read. */
export async function putFiles(host: DockerHost, files: Record<string, string>): Promise<void> {
  for (const [name, stdin] of Object.entries(files)) {
    const script = 'umask 077 && mkdir -p "$(dirname "$0")" && cat >"$0"';
    await must(host.run(['sh', '-c', script, name], { stdin, asUser: true }));
  }
}

/** As `hosts:` names it. */
export function addressOf(host: DockerHost): string {
  return `${host.user}@${host.address}`;
}
