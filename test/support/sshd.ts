/**
 * A real sshd on a free loopback port: throwaway host and user keys, a home of its own, no file of the machine
 * touched. Logs in as whoever runs the tests.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { part } from './parts.js';
import { readStat } from './process-stat.js';

const exec = promisify(execFile);

export interface SshdOptions {
  /** Lines added in front of the configuration: the first value of a setting wins. */
  config?: string[];
  /** Environment of every session; `HOME` is the private home already. */
  env?: Record<string, string>;
  /** Argv in front of sshd that enters other namespaces. */
  enter?: string[];
  /** Address to listen on and to connect to; 127.0.0.1 by default. */
  address?: string;
  port?: number;
  /** Private key that is let in; absent = one of its own. */
  keyPath?: string;
}

export interface Sshd {
  readonly folder: string;
  /** Home of the sessions: `.slipway` is in here. */
  readonly home: string;
  readonly user: string;
  readonly address: string;
  readonly port: number;
  /** `user@address:port`. */
  readonly destination: string;
  /** Private key that is let in. */
  readonly keyPath: string;
  /** known_hosts with the present host key. */
  readonly knownHostsPath: string;
  /** Connections accepted since the start, from sshd's log. */
  countConnections(): Promise<number>;
  /** The daemon and all its sessions die at once; commands they started live on. */
  crash(): Promise<void>;
  /** Ends every open session, the daemon stays. */
  dropConnections(): Promise<void>;
  /** From now on it takes connections and says nothing, as when the network is gone; what runs on the host goes on. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  start(): Promise<void>;
  /** Another host key from now on; known_hosts keeps the old one. */
  changeHostKey(): Promise<void>;
  /** Nobody is let in any more. */
  refuseKeys(): Promise<void>;
  log(): Promise<string>;
  stop(): Promise<void>;
}

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const program = await part('sshd');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-sshd-'));
  const home = path.join(folder, 'home');
  await mkdir(home, { mode: 0o700 });
  const address = options.address ?? '127.0.0.1';
  const port = options.port ?? (await freePort());
  const hostKey = path.join(folder, 'host_key');
  const keyPath = options.keyPath ?? path.join(folder, 'user_key');
  const authorizedKeys = path.join(folder, 'authorized_keys');
  const knownHostsPath = path.join(folder, 'known_hosts');
  const logFile = path.join(folder, 'sshd.log');
  await makeKey(hostKey);
  if (options.keyPath === undefined) await makeKey(keyPath);
  await writeFile(authorizedKeys, await readFile(`${keyPath}.pub`, 'utf8'), { mode: 0o600 });
  const [type, key] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ');
  await writeFile(knownHostsPath, `${port === 22 ? address : `[${address}]:${port}`} ${type} ${key}\n`);
  const environment = Object.entries({ HOME: home, ...options.env }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const configFile = path.join(folder, 'sshd_config');
  await writeFile(
    configFile,
    [
      ...(options.config ?? []),
      `Port ${port}`,
      `ListenAddress ${address}`,
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${authorizedKeys}`,
      'PidFile none',
      'UsePAM no',
      // the temporary folder is writable by others
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'PrintMotd no',
      'LogLevel VERBOSE',
      `SetEnv ${environment.join(' ')}`,
      '',
    ].join('\n'),
  );
  // compiled into sshd; gone after every boot of a machine without a running sshd
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });

  let daemon: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    // a test process that is killed takes its sshd along
    const argv = [
      ...(options.enter ?? []),
      'setpriv',
      '--pdeathsig',
      'KILL',
      program,
      '-D',
      '-f',
      configFile,
      '-E',
      logFile,
    ];
    const child = spawn(argv[0] ?? program, argv.slice(1), { stdio: 'ignore' });
    daemon = child;
    await untilListening(child, address, port, logFile);
  };
  const kill = async (pids: number[]): Promise<void> => {
    for (const pid of pids) trySignal(pid, 'SIGKILL');
    await Promise.all(pids.map((pid) => untilGone(pid)));
  };
  const crash = async (): Promise<void> => {
    const child = daemon;
    daemon = null;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const sessions = await sessionsOf(child.pid);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await kill(sessions);
  };
  const signalAll = async (signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
    if (daemon?.pid === undefined) return;
    for (const pid of [daemon.pid, ...(await sessionsOf(daemon.pid))]) trySignal(pid, signal);
  };
  await start();
  const user = userInfo().username;
  return {
    folder,
    home,
    user,
    address,
    port,
    destination: `${user}@${address}:${port}`,
    keyPath,
    knownHostsPath,
    countConnections: async () => {
      const log = await readFile(logFile, 'utf8');
      return log.split('\n').filter((line) => line.startsWith('Accepted publickey')).length;
    },
    crash,
    dropConnections: async () => {
      if (daemon?.pid !== undefined) await kill(await sessionsOf(daemon.pid));
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    start,
    changeHostKey: async () => {
      await crash();
      await rm(hostKey);
      await rm(`${hostKey}.pub`);
      await makeKey(hostKey);
      await start();
    },
    refuseKeys: () => writeFile(authorizedKeys, ''),
    log: () => readFile(logFile, 'utf8'),
    stop: async () => {
      await crash();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function makeKey(file: string, args: string[] = ['-t', 'ed25519', '-N', '']): Promise<void> {
  await exec('ssh-keygen', ['-q', '-C', 'slipway-test', '-f', file, ...args]);
}

/**
 * Below those that the kernel gives to connections: a server that is down for a moment finds its own free again. Test
 * processes that run side by side have their own, and none is given twice before all have been: between two servers
 * of one test, or before the first one listens.
 */
const PORTS = { from: 20_000, each: 2_000, processes: 5 };
let nextPort = randomInt(PORTS.each);

export async function freePort(): Promise<number> {
  for (;;) {
    // a process that is kept may get another number for its next file
    const own = Number(process.env['VITEST_POOL_ID'] ?? 0) % PORTS.processes;
    const port = PORTS.from + PORTS.each * own + nextPort;
    nextPort = (nextPort + 1) % PORTS.each;
    const server = net.createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

async function untilListening(
  child: ChildProcess,
  host: string,
  port: number,
  logFile: string,
): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) {
      throw new Error(
        `sshd ended with ${child.exitCode}: ${await readFile(logFile, 'utf8').catch(() => '')}`,
      );
    }
    const socket = net.connect({ host, port });
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
}

/** sshd's own processes below the daemon: one or two per connection, none of the commands. */
async function sessionsOf(daemon: number): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)) {
    const parent = await readStat(pid);
    if (parent?.name !== 'sshd') continue;
    const grandparent = parent.parent === daemon ? null : await readStat(parent.parent);
    if (parent.parent === daemon || grandparent?.parent === daemon) found.push(pid);
  }
  return found;
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // gone already
  }
}

async function untilGone(pid: number): Promise<void> {
  for (;;) {
    const found = await readStat(pid);
    if (found === null || found.state === 'Z') return;
    await sleep(5);
  }
}
