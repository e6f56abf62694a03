/** A real HAProxy of our own in master-worker mode, with everything in a private folder that `stop()` removes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { part } from './parts.js';
import { until } from './processes.js';

export interface Haproxy {
  /** Stands for `/etc/haproxy` and `/run/haproxy`; the configuration is `haproxy.cfg` in it. */
  readonly folder: string;
  readonly configuration: string;
  start(socket: string): Promise<void>;
  /** SIGUSR2: the master reads the configuration again and starts new workers. */
  reload(): void;
  crash(): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

/** Not started yet: write `configuration` first. */
export async function createHaproxy(): Promise<Haproxy> {
  const program = await part('haproxy');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-haproxy-'));
  const configuration = path.join(folder, 'haproxy.cfg');
  let child: ChildProcess | null = null;
  let output = '';

  const crash = async (): Promise<void> => {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await gone;
    child = null;
  };

  return {
    folder,
    configuration,
    start: async (socket) => {
      await rm(socket, { force: true });
      const started = spawn('setpriv', ['--pdeathsig', 'TERM', program, '-W', '-f', configuration], {
        // dies with the test process, so an aborted run leaves nothing behind
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      child = started;
      for (const stream of [started.stdout, started.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output = (output + chunk.toString()).slice(-10_000);
        });
      }
      await until('HAProxy to open its socket', async () => {
        if (started.exitCode !== null) {
          throw new Error(`HAProxy ended: ${output}\n${await readFile(configuration, 'utf8')}`);
        }
        return access(socket).then(
          () => true,
          () => false,
        );
      });
    },
    reload: () => {
      if (child?.pid === undefined) throw new Error('HAProxy does not run');
      process.kill(child.pid, 'SIGUSR2');
    },
    crash,
    output: () => output,
    stop: async () => {
      await crash();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
