/** `up` and `worker` run the worker program as a child process: the client itself never loads a worker. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Invocation, Outcome } from './command.js';
import { EXIT, EXIT_MEANING, type ExitCode } from './exit-codes.js';
import { UserError } from './user-error.js';

/** Runs it with this environment until it ends; Ctrl-C and SIGTERM are handed on, and then end in 130. */
export async function runWorkerProgram(invocation: Invocation, argv: string[]): Promise<Outcome> {
  const program = fileURLToPath(new URL('../workers/main.js', import.meta.url));
  if (!existsSync(program)) {
    throw new UserError(EXIT.bug, {
      what: 'the worker program is not in this package',
      where: program,
      wayOut: 'install slipway again; in a checkout run npm run build',
    });
  }
  const { profile, json } = invocation.global;
  const flags = [...(profile === null ? [] : ['--profile', profile]), ...(json ? ['--json'] : [])];
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...argv, ...flags], {
    stdio: 'inherit',
    env: invocation.terminal.env,
    // A group of its own: a Ctrl-C reaches it once, through us, also when there is no terminal.
    detached: true,
  });
  const stop = (): void => void child.kill('SIGTERM');
  invocation.terminal.interrupted.addEventListener('abort', stop, { once: true });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exit) => resolve(exit ?? EXIT.interrupted));
  });
  const exit = invocation.terminal.interrupted.aborted ? EXIT.interrupted : toExitCode(code);
  return { exit, data: null, screen: '', written: true };
}

function toExitCode(code: number): ExitCode {
  const known = Object.values(EXIT).find((exit) => exit === code);
  return known !== undefined && known in EXIT_MEANING ? known : EXIT.bug;
}
