/** `up` and `worker` run the worker program as a child process: the client itself never loads a worker. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Invocation, Outcome } from './command.js';
import { EXIT, EXIT_MEANING, type ExitCode } from './exit-codes.js';
import { UserError } from './user-error.js';

/**
 * Runs it with this environment until it ends; Ctrl-C and SIGTERM are handed on, and then end in 130. Under `--json` it
 * prints its own events, `check` one object, and what ends it otherwise is one object too.
 */
export async function runWorkerProgram(
  invocation: Invocation,
  argv: [string, ...string[]],
): Promise<Outcome> {
  const program = fileURLToPath(new URL('../workers/main.js', import.meta.url));
  if (!existsSync(program)) {
    throw new UserError(EXIT.bug, {
      what: 'the worker program is not in this package',
      where: program,
      wayOut: 'install slipway again; in a checkout run npm run build',
    });
  }
  const { profile, json } = invocation.global;
  const isCheck = argv[0] === 'check';
  const flags = [...(profile === null ? [] : ['--profile', profile]), ...(json ? ['--json'] : [])];
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...argv, ...flags], {
    stdio: ['inherit', json && isCheck ? 'pipe' : 'inherit', json ? 'pipe' : 'inherit'],
    env: invocation.terminal.env,
    // A group of its own: a Ctrl-C reaches it once, through us, also when there is no terminal.
    detached: true,
  });
  const said = keepLastLine(child.stdout);
  const complained = keepLastLine(child.stderr, (text) => invocation.terminal.err(text));
  const stop = (): void => void child.kill('SIGTERM');
  invocation.terminal.interrupted.addEventListener('abort', stop, { once: true });
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>(
    (resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    },
  );
  const isStopped = invocation.terminal.interrupted.aborted;
  if (signal !== null && !isStopped) {
    throw new UserError(EXIT.unreachable, {
      what: `its process was ended from outside, with ${signal}`,
      where: `slipway ${invocation.command}`,
      wayOut:
        'nothing is lost and what it runs on hosts goes on: start it again; out of memory is what dmesg would say',
      docs: 'docs/commands.md#worker',
    });
  }
  const exit = isStopped ? EXIT.interrupted : toExitCode(code ?? EXIT.bug);
  if (json && isCheck && exit === EXIT.done) return { exit, data: { said: said() }, screen: '' };
  if (!json || exit === EXIT.interrupted || exit === EXIT.done)
    return { exit, data: null, screen: '', written: true };
  const error = {
    what: complained(),
    where: `slipway ${invocation.command}`,
    why: null,
    wayOut: 'the lines before it on stderr, if any, say more; nothing is lost, start it again',
    docs: 'docs/commands.md#worker',
  };
  return { exit, data: null, screen: '', error };
}

/** The last line that is not empty; each piece of text is also handed on. */
function keepLastLine(
  stream: Readable | null,
  handOn: (text: string) => void = () => undefined,
): () => string {
  let last = '';
  stream?.on('data', (data: Buffer) => {
    const text = data.toString();
    handOn(text);
    last = text.trim().split('\n').at(-1) || last;
  });
  return () => last;
}

function toExitCode(code: number): ExitCode {
  const known = Object.values(EXIT).find((exit) => exit === code);
  return known !== undefined && known in EXIT_MEANING ? known : EXIT.bug;
}
