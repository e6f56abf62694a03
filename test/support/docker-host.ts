/**
 * A real host on this machine: its own network, mount and pid namespace with its own sshd and dockerd (Swarm
 * initialised), joined to this process's bridge by a veth. When the process that started it dies the kernel kills
 * the namespace's init and with it everything inside; what only files could leave behind is swept by the next start.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findCgroups, findDeadBridge, joinBridge, leaveBridge, removeCgroups } from './host-network.js';
import { initPid, READY_WITHIN_MS, startNamespace, writeAccounts, writeKeys } from './host-namespace.js';
import { part } from './parts.js';
import { readStat } from './process-stat.js';
import { until } from './until.js';

const exec = promisify(execFile);

const NAMESPACES = ['net', 'mnt', 'pid'] as const;

export interface Output {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface DockerHost {
  name: string;
  /** IPv4 address on the bridge; sshd listens there on port 22. */
  address: string;
  /** This machine as the host sees it: where a registry or proxy of the test can be reached. */
  gateway: string;
  /** SSH user: `deploy` (unprivileged, in group docker) or `root`. */
  user: string;
  /** Home folder of the ssh user, as this process sees it. */
  home: string;
  keyPath: string;
  knownHostsPath: string;
  /** The host's Docker socket, as this process sees it. */
  socketPath: string;
  /** Runs the docker CLI on the host as root; resolves for any exit code. */
  docker(argv: string[], options?: { stdin?: string }): Promise<Output>;
  /** Runs a program on the host, as root unless `asUser`; resolves for any exit code. */
  run(argv: string[], options?: { stdin?: string; asUser?: boolean }): Promise<Output>;
  /** Ends dockerd as a crash would, and starts it again. */
  killDockerd(): Promise<void>;
  startDockerd(): Promise<void>;
  /** What its operator does where dockerd panics over networks that it had half written: it knows none any more. */
  forgetNetworks(): Promise<void>;
  /** sshd and all its sessions die at once; commands they started live on. */
  killSshd(): Promise<void>;
  startSshd(): Promise<void>;
  /** Ends every open session, sshd stays. */
  dropConnections(): Promise<void>;
  /** Power off and on again: everything that runs dies at once, what is on its disk stays. */
  reboot(): Promise<void>;
  stop(): Promise<void>;
  /** What `stop()` has left on this machine, in words. */
  findLeftovers(): Promise<string[]>;
}

export interface DockerHostOptions {
  name: string;
  user?: 'deploy' | 'root';
  /** Without Swarm the engine is there, but the host is no manager. */
  swarm?: boolean;
  /** Registries spoken to without TLS beside the whole subnet. */
  insecureRegistries?: string[];
  /** What runs its containers; absent = crun, for which a start and each health check is a third of the work of Docker's own runc. */
  runtime?: 'runc';
}

/** Starts a host; needs root. Throws with the log of the part that did not come up. */
export async function startDockerHost(options: DockerHostOptions): Promise<DockerHost> {
  const [dockerd, sshd] = [await part('dockerd'), await part('sshd')];
  await part('ip');
  const runtime = options.runtime === undefined ? await part('crun') : null;
  const network = await joinBridge();
  const folder = await mkdtemp(path.join(tmpdir(), `slw-${process.pid}-${options.name}-`));
  const user = options.user ?? 'deploy';
  await writeAccounts(folder);
  const keys = await writeKeys(folder, network.address);
  const init = await startNamespace(folder, 'first');
  const pid = await initPid(init);
  const host = new NamespacedHost(options, {
    ...{ folder, dockerd, sshd, runtime, pid, init, user },
    ...network,
    ...keys,
  });
  try {
    await host.start();
  } catch (error) {
    await host.stop();
    throw error;
  }
  return host;
}

interface Parts {
  folder: string;
  dockerd: string;
  sshd: string;
  runtime: string | null;
  pid: number;
  init: ChildProcess;
  user: string;
  address: string;
  gateway: string;
  bridgeName: string;
  keyPath: string;
  knownHostsPath: string;
}

class NamespacedHost implements DockerHost {
  readonly name: string;
  readonly address: string;
  readonly gateway: string;
  readonly user: string;
  readonly home: string;
  readonly keyPath: string;
  readonly knownHostsPath: string;
  private dockerd: ChildProcess | null = null;
  private sshd: ChildProcess | null = null;
  /** Seconds after the machine's start at which each ended: the kernel gives its number to the next that is made. */
  private readonly namespaces = new Map<string, number>();

  constructor(
    private readonly options: DockerHostOptions,
    private readonly parts: Parts,
  ) {
    this.name = options.name;
    this.address = parts.address;
    this.gateway = parts.gateway;
    this.user = parts.user;
    this.home = path.join(parts.folder, 'homes', parts.user);
    this.keyPath = parts.keyPath;
    this.knownHostsPath = parts.knownHostsPath;
  }

  get socketPath(): string {
    return `/proc/${this.parts.pid}/root/run/docker.sock`;
  }

  async start(): Promise<void> {
    await this.boot();
    if (this.options.swarm === false) return;
    const swarm = await this.docker(['swarm', 'init', '--advertise-addr', this.address]);
    if (swarm.exitCode !== 0) throw new Error(`docker host ${this.name}: swarm init: ${swarm.stderr}`);
  }

  async reboot(): Promise<void> {
    const { parts } = this;
    await this.powerOff();
    await rm(path.join(parts.folder, 'init'));
    parts.init = await startNamespace(parts.folder, 'again');
    parts.pid = await initPid(parts.init);
    await this.boot();
  }

  private async boot(): Promise<void> {
    for (const kind of NAMESPACES)
      this.namespaces.set(await readlink(`/proc/${this.parts.pid}/ns/${kind}`), Infinity);
    await this.plugIn();
    await Promise.all([this.startSshd(), this.startDockerd()]);
  }

  async startSshd(): Promise<void> {
    const config = path.join(this.parts.folder, 'sshd_config');
    const argv = [this.parts.sshd, '-D', '-f', config, '-E', this.log('sshd')];
    this.sshd = spawn(...this.inside(argv), { stdio: 'ignore' });
    this.sshd.unref();
    await until(
      `sshd of ${this.name}`,
      async () => (await this.ssh(['true'])).exitCode === 0,
      READY_WITHIN_MS,
    );
  }

  async killSshd(): Promise<void> {
    // again until none is left: one may be born while the others die
    await this.run(['sh', '-c', 'while pids=$(pgrep -x sshd); do kill -9 $pids; sleep 0.02; done']);
    await ended(this.sshd);
  }

  async dropConnections(): Promise<void> {
    const script =
      'daemon=$(pgrep -o -x sshd); for pid in $(pgrep -x sshd); do [ "$pid" = "$daemon" ] || kill -9 "$pid"; done';
    await this.run(['sh', '-c', script]);
  }

  async startDockerd(): Promise<void> {
    const { folder, dockerd, gateway, runtime } = this.parts;
    const subnet = gateway.replace(/1$/, '0/24');
    const argv = [
      dockerd,
      `--data-root=${path.join(folder, 'docker')}`,
      '--exec-root=/run/docker',
      '--pidfile=/run/docker.pid',
      '--host=unix:///run/docker.sock',
      '--group=docker',
      `--cgroup-parent=/${path.basename(folder)}`,
      '--shutdown-timeout=2',
      '--log-level=warn',
      ...(runtime === null ? [] : [`--add-runtime=crun=${runtime}`, '--default-runtime=crun']),
      ...[subnet, ...(this.options.insecureRegistries ?? [])].flatMap((name) => [
        '--insecure-registry',
        name,
      ]),
    ];
    const log = this.log('dockerd');
    await appendFile(log, '');
    await this.run(['rm', '-f', '/run/docker.pid']);
    this.dockerd = spawn(...this.inside(['sh', '-c', 'exec "$@" >>"$0" 2>&1', log, ...argv]), {
      stdio: 'ignore',
    });
    const started = this.dockerd;
    await until(
      `dockerd of ${this.name}`,
      async () => {
        if (started.exitCode !== null || started.signalCode !== null)
          throw new Error(`dockerd ended:\n${await readFile(log, 'utf8')}`);
        return (await this.docker(['version', '--format', '{{.Server.Version}}'])).exitCode === 0;
      },
      READY_WITHIN_MS,
    );
  }

  async killDockerd(): Promise<void> {
    await this.run(['sh', '-c', 'kill -9 "$(cat /run/docker.pid)"']);
    await ended(this.dockerd);
  }

  async forgetNetworks(): Promise<void> {
    await rm(path.join(this.parts.folder, 'docker', 'network', 'files'), { recursive: true, force: true });
  }

  docker(argv: string[], options: { stdin?: string } = {}): Promise<Output> {
    return this.run(['docker', ...argv], options);
  }

  run(argv: string[], options: { stdin?: string; asUser?: boolean } = {}): Promise<Output> {
    const who =
      options.asUser === true && this.user === 'deploy'
        ? ['setpriv', '--reuid=deploy', '--regid=deploy', '--init-groups', 'env', 'HOME=/home/deploy']
        : ['env', 'HOME=/root'];
    const [program, args] = this.inside([...who, ...argv]);
    return capture(program, args, options.stdin);
  }

  async stop(): Promise<void> {
    const { folder } = this.parts;
    // Containers first, while their engine still knows how to end them.
    await this.run(['sh', '-c', 'kill "$(cat /run/docker.pid)"']);
    await Promise.race([ended(this.dockerd), pause(5_000)]);
    await this.powerOff();
    removeCgroups(path.basename(folder));
    await leaveBridge();
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  async findLeftovers(): Promise<string[]> {
    const { folder } = this.parts;
    const left = existsSync(folder) ? [`the folder ${folder}`] : [];
    left.push(...findCgroups(path.basename(folder)).map((cgroup) => `the cgroup ${cgroup}`));
    // the kernel takes a dead namespace's links away when it finds the time
    const link = `/sys/class/net/${this.link()}`;
    const isGone = until('its network link to go', () => !existsSync(link), 20_000).catch(() => false);
    if (!(await isGone)) left.push(`the network link ${this.link()}`);
    const bridge = findDeadBridge();
    if (bridge !== null) left.push(`the bridge ${bridge}`);
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const inside = await Promise.all(
        NAMESPACES.map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => '')),
      );
      const lastMoment = Math.max(...inside.map((namespace) => this.namespaces.get(namespace) ?? -1));
      if (lastMoment < 0) continue;
      const found = await readStat(pid);
      if (found !== null && found.startedAt <= lastMoment)
        left.push(`process ${pid} of host ${this.name}: ${found.name}`);
    }
    return left;
  }

  /** With its init all that runs inside dies, and then whoever has started that from here. */
  private async powerOff(): Promise<void> {
    const { pid, init } = this.parts;
    // before the end: what has one of their numbers and began later is another's
    const now = await uptime();
    for (const [namespace, until] of this.namespaces)
      if (until === Infinity) this.namespaces.set(namespace, now);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // init is gone already
    }
    await Promise.all([ended(init), ended(this.dockerd), ended(this.sshd)]);
  }

  private log(part: string): string {
    return path.join(this.parts.folder, `${part}.log`);
  }

  private inside(argv: string[]): [string, string[]] {
    return ['nsenter', ['--target', String(this.parts.pid), '--net', '--mount', '--pid', ...argv]];
  }

  private async plugIn(): Promise<void> {
    const { pid, bridgeName, address, gateway } = this.parts;
    const outside = this.link();
    // of the host before its reboot: the kernel takes a dead namespace's links away when it finds the time
    await exec('ip', ['link', 'delete', outside]).catch(() => null);
    const link = ['link', 'add', outside, 'master', bridgeName];
    await exec('ip', link.concat('type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)));
    await exec('ip', ['link', 'set', outside, 'up']);
    // what we remember of this address is the card of before the reboot
    await exec('ip', ['neigh', 'flush', 'dev', bridgeName, 'to', address]);
    await this.mustRun(['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0']);
    await this.mustRun(['ip', 'link', 'set', 'eth0', 'up']);
    await this.mustRun(['ip', 'route', 'add', 'default', 'via', gateway]);
  }

  /** Our end of its network cable. */
  private link(): string {
    return `sv${process.pid.toString(36)}x${this.address.split('.')[3]}`;
  }

  private async mustRun(argv: string[]): Promise<void> {
    const result = await this.run(argv);
    if (result.exitCode !== 0)
      throw new Error(`docker host ${this.name}: ${argv.join(' ')}: ${result.stderr}`);
  }

  private ssh(argv: string[]): Promise<Output> {
    const options = ['-F', 'none', '-i', this.keyPath, '-o', `UserKnownHostsFile=${this.knownHostsPath}`];
    // a first packet that is lost would be waited for for minutes; whoever asks asks again
    return capture('ssh', [
      ...options,
      '-o',
      'ConnectTimeout=2',
      '-o',
      'BatchMode=yes',
      `${this.user}@${this.address}`,
      ...argv,
    ]);
  }
}

/** Seconds since the machine's start. */
async function uptime(): Promise<number> {
  return Number.parseFloat(await readFile('/proc/uptime', 'utf8'));
}

async function ended(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => child.once('exit', () => resolve()));
}

async function capture(program: string, argv: string[], stdin = ''): Promise<Output> {
  const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  // The program may end without reading its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 255));
  });
  return { exitCode, stdout, stderr };
}
