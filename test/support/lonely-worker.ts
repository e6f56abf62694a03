/** A process that runs one program as a worker does, and nothing else: to be killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { ProcessRequest } from '../../activities/processes/run-process.js';

export function startLonelyWorker(running: Pick<ProcessRequest, 'argv' | 'user'>): ChildProcess {
  const script = `
    import { runnerImport } from 'vite';
    const { module } = await runnerImport('./activities/processes/run-process.ts', { logLevel: 'silent' });
    await module.runProcess({
      ...${JSON.stringify(running)},
      cwd: '/', env: module.plainEnvironment(), timeoutMs: 600000, signal: new AbortController().signal,
    });`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
}
