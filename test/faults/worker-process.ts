/** Starts and kills worker processes, for real. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface WorkerProcess {
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Runs a worker of this folder from its source; resolves once it polls. */
export async function startWorkerProcess(
  args: string[],
  program = new URL('killable-worker.ts', import.meta.url),
): Promise<WorkerProcess> {
  const run = `process.argv.splice(1, 1); const { runnerImport } = await import('vite'); await runnerImport(process.argv[1], { root: process.cwd(), logLevel: 'warn' });`;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', run, '--', 'run', program.pathname, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors = `${errors}${data.toString('utf8')}`.slice(-4_000);
  });
  const gone = once(child, 'exit');
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') return true;
    return false;
  })();
  if (!(await Promise.race([ready, gone.then(() => false)])))
    throw new Error(`the worker process ended: ${errors}`);
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
