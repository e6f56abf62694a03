/** `slipway up`: Temporal's own development server on a file, as a child of the worker process. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { lastLine } from '../activities/hosts/tail.js';
import { findTemporal } from './find-temporal.js';
import { isFree } from './ports.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface EmbeddedTemporal {
  address: string;
  uiUrl: string;
  /** Resolves when the server ends by itself: the worker must end too. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  port: number;
  uiPort: number;
  dataFolder: string;
  inMemory: boolean;
  env: NodeJS.ProcessEnv;
}

/** Throws with the port's name when it is taken, and with the log's path when the server does not come up. */
export async function startEmbeddedTemporal(options: EmbeddedOptions): Promise<EmbeddedTemporal> {
  const pidFile = path.join(options.dataFolder, 'temporal.pid');
  const workerPidFile = path.join(options.dataFolder, 'worker.pid');
  await endOrphan(pidFile, workerPidFile);
  for (const [flag, port] of [
    ['--port', options.port],
    ['--ui-port', options.uiPort],
  ] as const) {
    if (!(await isFree('127.0.0.1', port))) {
      throw new Error(
        `port ${port} is taken by another program; is \`slipway up\` running already? Choose another with ${flag}`,
      );
    }
  }
  const { path: program } = await findTemporal(options.env);
  mkdirSync(options.dataFolder, { recursive: true, mode: 0o700 });
  const logFile = path.join(options.dataFolder, 'temporal.log');
  const loggedBefore = existsSync(logFile) ? statSync(logFile).size : 0;
  const child = spawn(program, serverArguments(options), {
    stdio: ['ignore', openSync(logFile, 'a', 0o600), openSync(logFile, 'a', 0o600)],
    // A group of its own: Ctrl-C in the terminal reaches us first, and we end it after the worker.
    detached: true,
    env: { ...SERVER_ENVIRONMENT, ...process.env },
  });
  writeFileSync(pidFile, String(child.pid));
  writeFileSync(workerPidFile, String(process.pid));
  const ended = once(child, 'exit').then(() => {
    if (readPid(pidFile) === child.pid) rmSync(pidFile, { force: true });
  });
  const address = `127.0.0.1:${options.port}`;
  try {
    await waitUntilServing(address, child);
  } catch (error) {
    await stop(child, ended);
    const said = lastLine(readFileSync(logFile).subarray(loggedBefore).toString()).slice(0, 300);
    throw new Error(
      `the embedded Temporal did not come up: ${messageOf(error)}${said === '' ? '' : `; its last words: ${said}`}; its log: ${logFile}`,
      { cause: error },
    );
  }
  return { address, uiUrl: `http://127.0.0.1:${options.uiPort}`, ended, stop: () => stop(child, ended) };
}

const SERVE = ['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'warn'];

function serverArguments(options: EmbeddedOptions): string[] {
  return [
    ...SERVE,
    ...['--port', String(options.port), '--ui-port', String(options.uiPort)],
    ...(options.inMemory ? [] : ['--db-filename', path.join(options.dataFolder, 'temporal.db')]),
    ...serverSettings(),
  ];
}

/** How a development server serves releases: what it must know, and what makes each of its steps short. */
export function serverSettings(): string[] {
  return [
    // The default of 20 makes every step wait for a 50 ms tick.
    ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000'],
    // Nor need it read the list of search attributes again for each write: ours are there from the start.
    ...['--dynamic-config-value', 'system.forceSearchAttributesCacheRefreshOnRead=false'],
    // One partition of a queue: a task meets whoever waits for it at once, and no part asks another for work.
    ...['--dynamic-config-value', 'matching.numTaskqueueReadPartitions=1'],
    ...['--dynamic-config-value', 'matching.numTaskqueueWritePartitions=1'],
    ...SEARCH_ATTRIBUTES.flatMap(({ name, type }) => ['--search-attribute', `${name}=${type}`]),
  ];
}

/** A tenth less work for a machine that runs server, worker and deploys: memory is swept at 5 × what is in use, not 2 ×. */
const SERVER_ENVIRONMENT = { GOGC: '400' };

const PATIENCE_MS = 60_000;

async function waitUntilServing(address: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1000 });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      await connection.close();
      return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`no answer within ${PATIENCE_MS / 1000} s: ${messageOf(error)}`, { cause: error });
      await delay(50);
    }
  }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(late);
}

/**
 * A worker that was killed leaves its server behind: it holds the database and the port, so it is ended first. One
 * whose worker lives is in use: throws.
 */
async function endOrphan(pidFile: string, workerPidFile: string): Promise<void> {
  const pid = readPid(pidFile);
  if (pid === null) return;
  for (let server = await findServer(pid); server !== null; server = await findServer(pid)) {
    if (server.parent === readPid(workerPidFile)) {
      throw new Error(
        `\`slipway up\` on ${path.dirname(pidFile)} runs already, as process ${server.parent}; end it first, or choose another folder with --data`,
      );
    }
    process.kill(pid, 'SIGTERM');
    await delay(100);
  }
  rmSync(pidFile, { force: true });
}

function readPid(file: string): number | null {
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, 'utf8'));
  return Number.isInteger(pid) && pid > 1 ? pid : null;
}

/** Who has started it; null when there is no server of ours under this pid, which may be another program's by now. */
async function findServer(pid: number): Promise<{ parent: number } | null> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'ppid=,command=', '-p', String(pid)]);
    return stdout.includes(SERVE.join(' ')) ? { parent: Number.parseInt(stdout, 10) } : null;
  } catch {
    return null;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
