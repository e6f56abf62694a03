/**
 * A Docker Engine of our own for builds: its data, socket, bridge and mounts are private, and `stop()` leaves
 * nothing behind. It lives in the main network namespace, so registries on 127.0.0.1 are reachable from it.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createHash, randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { part } from './parts.js';
import { readStat } from './process-stat.js';

const exec = promisify(execFile);

/** Followed by the pid of the test process, so the next start knows what nobody will stop any more. */
const FOLDER = 'slw-dockerd-';
const OWN_RUN = 'mount -t tmpfs tmpfs /run && exec "$@"';

export interface Dockerd {
  readonly folder: string;
  /** Path of the private socket. */
  readonly socket: string;
  /** For the docker client's DOCKER_HOST. */
  readonly dockerHost: string;
  /** Process id of dockerd itself. */
  readonly pid: number;
  readonly api: Docker;
  /** Runs the docker client against this engine and gives its stdout. */
  docker(args: string[], options?: { cwd?: string; env?: Record<string, string> }): Promise<string>;
  /** Ends the engine and its containers and removes every file. */
  stop(): Promise<void>;
}

export async function startDockerd(): Promise<Dockerd> {
  const dockerd = await part('dockerd');
  await sweep();
  const folder = await mkdtemp(path.join(tmpdir(), `${FOLDER}${process.pid}-`));
  const socket = path.join(folder, 'docker.sock');
  const bridge = bridgeOf(folder);
  await addBridge(bridge);
  // an empty one, so the machine's own /etc/docker/daemon.json has no say
  const configFile = path.join(folder, 'daemon.json');
  await writeFile(configFile, '{}');
  // mounts vanish with the engine, and a containerd of the machine's own under /run is not joined
  const withOwnMounts = ['unshare', '--mount', '--propagation=private', 'sh', '-c', OWN_RUN, 'sh'];
  const argv = [
    // dies with the test process, so an aborted run leaves no engine behind
    '--pdeathsig=TERM',
    ...withOwnMounts,
    dockerd,
    `--config-file=${configFile}`,
    `--data-root=${path.join(folder, 'data')}`,
    `--exec-root=${path.join(folder, 'exec')}`,
    `--pidfile=${path.join(folder, 'dockerd.pid')}`,
    `--host=unix://${socket}`,
    `--bridge=${bridge}`,
    '--insecure-registry=127.0.0.0/8',
    '--insecure-registry=10.0.0.0/8',
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
  ];
  const log = createWriteStream(path.join(folder, 'dockerd.log'), { flags: 'a' });
  const child = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const api = new Docker({ socketPath: socket });

  async function clean(): Promise<void> {
    log.end();
    await removeAll(folder);
  }

  try {
    await untilReady(api, child, path.join(folder, 'dockerd.log'));
  } catch (error) {
    child.kill('SIGKILL');
    await clean();
    throw error;
  }

  const dockerHost = `unix://${socket}`;
  return {
    folder,
    socket,
    dockerHost,
    pid: Number((await readFile(path.join(folder, 'dockerd.pid'), 'utf8')).trim()),
    api,
    async docker(args, { cwd, env } = {}) {
      const { stdout } = await exec('docker', args, {
        ...(cwd === undefined ? {} : { cwd }),
        env: { ...process.env, DOCKER_HOST: dockerHost, ...env },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout;
    },
    async stop() {
      await end(child);
      await clean();
    },
  };
}

async function untilReady(api: Docker, child: ChildProcess, logFile: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await api.info();
      return;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline) {
        const tail = (await readFile(logFile, 'utf8').catch(() => '')).slice(-2000);
        throw new Error(`dockerd did not start: ${tail}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await exited;
  clearTimeout(impatience);
}

/** An own bridge: two engines in one namespace would otherwise share (and delete) docker0. */
async function addBridge(name: string): Promise<void> {
  await part('ip');
  await exec('ip', ['link', 'add', name, 'type', 'bridge']);
  const address = `198.${18 + randomInt(2)}.${randomInt(256)}.${randomInt(16) * 16 + 1}/28`;
  await exec('ip', ['address', 'add', address, 'dev', name]);
  await exec('ip', ['link', 'set', name, 'up']);
}

function bridgeOf(folder: string): string {
  return `slw${createHash('sha256').update(folder).digest('hex').slice(0, 10)}`;
}

/** What engines of test processes that were killed have left: their files and bridges. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(FOLDER)) continue;
    const owner = Number(name.slice(FOLDER.length).split('-')[0]);
    if (Number.isInteger(owner) && !existsSync(`/proc/${owner}`)) await removeAll(path.join(tmpdir(), name));
  }
}

async function removeAll(folder: string): Promise<void> {
  await killLeftovers(folder);
  await exec('ip', ['link', 'delete', bridgeOf(folder)]).catch(() => undefined);
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** Shims of a crashed engine, their containers, and its containerd: everything that names our folder, with its children. */
async function killLeftovers(folder: string): Promise<void> {
  const processes = await readProcesses();
  const doomed = new Set(processes.filter((each) => each.command.includes(folder)).map((each) => each.pid));
  for (let grown = true; grown;) {
    grown = false;
    for (const each of processes) {
      if (doomed.has(each.parent) && !doomed.has(each.pid)) {
        doomed.add(each.pid);
        grown = true;
      }
    }
  }
  doomed.delete(process.pid);
  for (const pid of doomed) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // already gone
    }
  }
}

async function readProcesses(): Promise<{ pid: number; parent: number; command: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, stat] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
        readStat(pid),
      ]);
      if (stat === null) return null;
      return { pid: Number(pid), parent: stat.parent, command: command.replaceAll('\0', ' ') };
    }),
  );
  return found.filter((each) => each !== null);
}
