/** A proxy's process: dies with the test, and its folder is removed at the end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { until } from './processes.js';

export interface RunningProxy {
  /** Not over before `isReady`; what the program said is in the error when it ends instead. */
  start(isReady: () => Promise<boolean>): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL for it and its workers. */
  crash(): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

export function runProxy(input: {
  program: string;
  argv: string[];
  folder: string;
  env?: Record<string, string>;
}): RunningProxy {
  const { program, argv, folder, env } = input;
  const name = path.basename(program);
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
    start: async (isReady) => {
      const started = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...argv], {
        // dies with the test process, so an aborted run leaves nothing behind
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
        detached: true,
      });
      child = started;
      for (const stream of [started.stdout, started.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output = (output + chunk.toString()).slice(-10_000);
        });
      }
      await until(`${name} to be ready`, async () => {
        if (started.exitCode === null && started.signalCode === null) return isReady();
        // its last words, which say why, may come after its end
        if (!started.stdout.closed || !started.stderr.closed) await once(started, 'close');
        throw new Error(`${name} ended: ${output}`);
      });
    },
    signal: (wanted) => {
      if (child?.pid === undefined) throw new Error(`${name} does not run`);
      process.kill(child.pid, wanted);
    },
    crash,
    output: () => output,
    stop: async () => {
      await crash();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Is there an answer that is not an error? Traefik answers 404 until it has read its files. */
export async function answers(url: string): Promise<boolean> {
  return fetch(url, { headers: { connection: 'close' } }).then(
    ({ ok }) => ok,
    () => false,
  );
}
