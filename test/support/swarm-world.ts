/**
 * What the platform tests share: a Swarm host reached over SSH, a registry that wants a login, and images that play
 * good and bad releases.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fenceFor } from '../../activities/fence-for.js';
import type { Host, Hosts } from '../../activities/hosts/host.js';
import type { PlatformContext } from '../../activities/platforms/platform.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { ReleaseRecord } from '../../workflows/result.js';
import { installCompose } from './compose-plugin.js';
import { startDockerHost, type DockerHost, type DockerHostOptions, type Output } from './docker-host.js';
import { givenCommit } from './given.js';
import { environmentFor, hostsKnowing } from './hosts.js';
import { part } from './parts.js';
import { teamCommands } from '../../activities/platforms/team-command.js';
import { NO_REPOSITORY } from './no-repository.js';

export const REGISTRY_LOGIN = { username: 'token', password: 'let-me-in' };
/** The line `htpasswd -nbB` makes of it. */
const HTPASSWD = 'token:$2y$05$BNJJYTNoNVxDXlLsOsSqhO3xgkaXbauInWkwWPdg.2cy7GEY1n5hG\n';

const FOREVER = `trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done`;

/** Releases of the app: what their container does. */
const RELEASES = {
  v1: { command: `echo started v1; ${FOREVER}` },
  v2: { command: `echo started v2; ${FOREVER}` },
  v3: { command: `echo started v3; ${FOREVER}` },
  v4: { command: `echo started v4; ${FOREVER}` },
  exits: { command: 'echo cannot find config.toml >&2; exit 3' },
  unhealthy: {
    command: `echo serving; ${FOREVER}`,
    health: '--interval=300ms --timeout=2s --retries=2 CMD echo database is down; exit 1',
  },
  slow: {
    command: `sleep 3; touch /ready; ${FOREVER}`,
    health: '--interval=300ms --timeout=2s --retries=1 --start-period=60s CMD test -e /ready',
  },
  starting: {
    command: FOREVER,
    health: '--interval=300ms --timeout=2s --retries=1 --start-period=60s CMD test -e /ready',
  },
} satisfies Record<string, { command: string; health?: string }>;

export type Release = keyof typeof RELEASES;

export interface SwarmWorld {
  host: DockerHost;
  /** The same, over SSH, as releases reach it. */
  ssh: Host;
  hosts: Hosts;
  /** `10.x.x.1:5000/team/app` */
  repository: string;
  registry: string;
  digests: Record<Release, string>;
  image(release: Release): string;
  /** `docker login` for the ssh user; `logOut` takes it away. */
  logIn(): Promise<void>;
  logOut(): Promise<void>;
  stopRegistry(): Promise<void>;
  startRegistry(): Promise<void>;
  /** Removes the images from the host's own store. */
  forget(...releases: Release[]): Promise<void>;
  /** Stdout of a docker command that must work. */
  docker(...argv: string[]): Promise<string>;
  plan(platform: PlatformPlan, change?: Partial<EnvironmentPlan>): EnvironmentPlan;
  target(release: Release, plan: EnvironmentPlan, change?: Partial<Target>): Target;
  record(target: Target): ReleaseRecord;
  context(target: Target, change?: Partial<PlatformContext>): PlatformContext;
  stop(): Promise<void>;
}

export type WorldOptions = Pick<DockerHostOptions, 'runtime'>;

export async function startSwarmWorld(options: WorldOptions = {}): Promise<SwarmWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), `slw-${process.pid}-world-`));
  const host = await startDockerHost({ name: 'swarm-1', ...options });
  const registry = `${host.gateway}:${randomInt(20_000, 30_000)}`;
  const repository = `${registry}/team/app`;
  let server = await startRegistry(folder, registry);
  const login = ['login', registry, '-u', REGISTRY_LOGIN.username, '--password-stdin'];
  const stdin = REGISTRY_LOGIN.password;
  await installCompose(host);
  await must(host.docker(login, { stdin }));
  const digests = await pushReleases(host, folder, repository);
  const hosts = hostsKnowing(host.knownHostsPath);
  const address = { name: host.name, address: `${host.user}@${host.address}` };
  const base = { ...environmentFor({ key: `file:${host.keyPath}` }), hosts: [address] };
  const ssh = await hosts.open(base, address);
  return {
    host,
    ssh,
    hosts,
    registry,
    repository,
    digests,
    image: (release) => `${repository}@${digests[release]}`,
    logIn: async () => {
      await must(host.run(['docker', ...login], { stdin, asUser: true }));
    },
    logOut: async () => {
      await must(host.run(['docker', 'logout', registry], { asUser: true }));
    },
    stopRegistry: () => end(server),
    startRegistry: async () => {
      server = await startRegistry(folder, registry);
    },
    forget: async (...releases) => {
      for (const release of releases) await host.docker(['rmi', '-f', `${repository}@${digests[release]}`]);
    },
    docker: async (...argv) => (await must(host.docker(argv))).stdout.trim(),
    plan: (platform, change = {}) => ({
      ...base,
      preflight: { ...base.preflight, registryLogin: true },
      platform,
      timeoutMs: 40_000,
      ...change,
    }),
    target: (release, plan, change = {}) => ({
      plan,
      token: 1,
      version: release,
      commit: givenCommit(),
      artifacts: [{ name: 'app', kind: 'image', repository, digest: digests[release] }],
      colour: null,
      live: null,
      ...change,
    }),
    record: ({ version, commit, artifacts, plan, colour, token }) => ({
      version,
      commit,
      artifacts,
      plan,
      colour,
      token,
      at: '2026-11-21T00:00:00Z',
      by: 'anna',
    }),
    context: (target, change = {}) => ({
      host: ssh,
      target,
      fence: fenceFor(target),
      env: {},
      dockerSecrets: {},
      progress: () => undefined,
      signal: new AbortController().signal,
      operationId: (step) => `${target.token}-${step}`,
      registryLogin: null,
      insecureRegistries: [],
      checkout: () => Promise.reject(new Error('there is no checkout here')),
      teamCommand: teamCommands(NO_REPOSITORY, target, new AbortController().signal),
      cluster: () => Promise.reject(new Error('there is no cluster here')),
      ...change,
    }),
    stop: async () => {
      await hosts.close();
      await host.stop();
      await end(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startRegistry(folder: string, address: string): Promise<ChildProcess> {
  const program = await part('registry');
  const [users, config] = [path.join(folder, 'htpasswd'), path.join(folder, 'registry.yml')];
  await writeFile(users, HTPASSWD);
  const settings = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: path.join(folder, 'registry') } },
    http: { addr: address },
    auth: { htpasswd: { realm: 'registry', path: users } },
  };
  // JSON is YAML.
  await writeFile(config, JSON.stringify(settings));
  const server = spawn('setpriv', ['--pdeathsig', 'KILL', program, 'serve', config], { stdio: 'ignore' });
  const [hostname = '', port = ''] = address.split(':');
  while (!(await answers(hostname, Number(port)))) {
    if (server.exitCode !== null) throw new Error(`the registry ended with ${server.exitCode}`);
    await pause(50);
  }
  return server;
}

function answers(hostname: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, hostname);
    const done = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** Images of one static binary; imported instead of built, so no builder is needed. */
async function pushReleases(
  host: DockerHost,
  folder: string,
  repository: string,
): Promise<Record<Release, string>> {
  const root = path.join(folder, 'root');
  await mkdir(path.join(root, 'bin'), { recursive: true });
  await copyFile(await part('busybox'), path.join(root, 'bin', 'busybox'));
  await chmod(path.join(root, 'bin', 'busybox'), 0o755);
  for (const tool of ['sh', 'sleep', 'touch', 'test', 'echo', 'cat', 'printenv'])
    await symlink('busybox', path.join(root, 'bin', tool));
  const archive = path.join(folder, 'root.tar');
  await must(host.run(['tar', '-C', root, '-cf', archive, '.']));
  const push = async (name: Release): Promise<string> => {
    const release: { command: string; health?: string } = RELEASES[name];
    const changes = [`CMD ${JSON.stringify(['/bin/sh', '-c', release.command])}`, 'ENV PATH=/bin'];
    if (release.health !== undefined) changes.push(`HEALTHCHECK ${release.health}`);
    const tag = `${repository}:${name}`;
    await must(host.docker(['import', ...changes.flatMap((change) => ['--change', change]), archive, tag]));
    const pushed = await must(host.docker(['push', tag]));
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed.stdout)?.[1];
    if (digest === undefined) throw new Error(`no digest in: ${pushed.stdout}`);
    await must(host.docker(['rmi', tag]));
    return digest;
  };
  return {
    v1: await push('v1'),
    v2: await push('v2'),
    v3: await push('v3'),
    v4: await push('v4'),
    exits: await push('exits'),
    unhealthy: await push('unhealthy'),
    slow: await push('slow'),
    starting: await push('starting'),
  };
}

async function must(output: Promise<Output>): Promise<Output> {
  const result = await output;
  if (result.exitCode !== 0) throw new Error(`exit ${result.exitCode}: ${result.stdout}\n${result.stderr}`);
  return result;
}
