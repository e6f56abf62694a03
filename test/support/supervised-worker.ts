/** A worker as its own process, started again whenever it has ended: what systemd or Docker does for a team. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { searchText } from './search-for-secrets.js';

const program = fileURLToPath(new URL('../../dist/workers/main.js', import.meta.url));
const AGAIN_AFTER_MS = 500;

export interface SupervisedWorker {
  signal(name: 'SIGKILL' | 'SIGTERM'): void;
  /** Process id of the latest one started. */
  pid(): number | null;
  /** Ends that nobody asked for, by exit code. */
  unasked(): (number | null)[];
  /** Does it poll? */
  isReady(): boolean;
  /** Resolves once it polls. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when the first process is ready. `folder` keeps its data and `worker.log`. */
export async function superviseWorker(
  folder: string,
  temporalAddress: string,
  env: NodeJS.ProcessEnv = {},
): Promise<SupervisedWorker> {
  await mkdir(folder, { recursive: true });
  const log = path.join(folder, 'worker.log');
  const unasked: (number | null)[] = [];
  let stopping = false;
  let asked = false;
  let child: ChildProcess | null = null;
  let ready: Promise<boolean> = Promise.resolve(false);
  let polls = false;

  const start = (): void => {
    const output = openSync(log, 'a');
    const started = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', process.execPath, program, 'worker', '--json', '--data', folder],
      {
        env: {
          ...process.env,
          TEMPORAL_ADDRESS: temporalAddress,
          SLIPWAY_METRICS_ADDRESS: 'off',
          SLIPWAY_HEALTH_ADDRESS: 'off',
          SLIPWAY_SHUTDOWN_GRACE_MS: '2000',
          // workers of one namespace believe each other
          SLIPWAY_SEAL_FOLDER: path.join(path.dirname(folder), 'seal'),
          ...env,
        },
        stdio: ['ignore', 'pipe', output],
      },
    );
    closeSync(output);
    asked = false;
    polls = false;
    child = started;
    if (started.stdout === null) throw new Error('the worker has no output');
    const line = once(createInterface({ input: started.stdout }), 'line').then(() => (polls = true));
    ready = Promise.race([line, once(started, 'exit').then(() => false)]);
  };

  const keep = async (): Promise<void> => {
    while (child !== null) {
      const running: ChildProcess = child;
      if (running.exitCode === null && running.signalCode === null) await once(running, 'exit');
      polls = false;
      await appendFile(log, `--- ended with ${running.exitCode ?? running.signalCode}\n`);
      if (stopping) return;
      if (!asked) unasked.push(running.exitCode);
      await delay(AGAIN_AFTER_MS);
      if (stopping) return;
      start();
    }
  };

  start();
  const kept = keep();
  const stop = async (): Promise<void> => {
    stopping = true;
    child?.kill('SIGTERM');
    await kept;
    searchText(path.basename(log), await readFile(log));
  };
  if (!(await ready)) {
    await stop();
    throw new Error(`a worker ended before it was ready; its log: ${log}`);
  }
  return {
    signal: (name) => {
      asked = true;
      child?.kill(name);
    },
    pid: () => child?.pid ?? null,
    unasked: () => unasked,
    isReady: () => polls,
    ready: async () => {
      while (!(await ready)) await delay(50);
    },
    stop,
  };
}
