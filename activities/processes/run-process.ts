/**
 * A program on the worker itself, in a process group of its own. The group ends with the program, with a timeout,
 * with the signal, and with the worker: nothing a gate or a build started outlives them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { asLoneJob, type JobUser } from '../job-user/job-user.js';

export interface ProcessRequest {
  /** Element 0 is the program; nothing is read by a shell. */
  argv: readonly string[];
  cwd: string;
  /** All of it: the worker's own environment holds its credentials and is not passed on. */
  env: Record<string, string>;
  /** Who runs it; absent or null = the worker's own user. */
  user?: JobUser | null;
  timeoutMs: number;
  /** Aborting ends the group, whatever the reason: unlike a host's, a local process cannot be attached to again. */
  signal: AbortSignal;
  onOutput?: (chunk: string) => void;
}

export interface ProcessResult {
  /** null = ended by a signal that was not ours to send. */
  exitCode: number | null;
  timedOut: boolean;
  /** Ended because `signal` was aborted. */
  stopped: boolean;
  stdout: string;
  /** Both streams as they came, the last 16 KB. */
  tail: string;
}

const KEPT_CHARACTERS = 16 * 1024;
const GRACE_MS = 5_000;

/**
 * Waits for the end of a pipe that only the worker holds, then kills the group: a killed worker leaves no process.
 * The trap keeps the shell there while the program ends in its own way.
 */
const LEASH = 'trap : TERM; { read -r _ <&3; kill -KILL -$$; } >/dev/null 2>&1 & exec 3<&-; "$@"';

/** Rejects only when the program cannot be started at all; `sh` answers 126 or 127 for one that is missing. */
export async function runProcess(request: ProcessRequest): Promise<ProcessResult> {
  const { cwd, timeoutMs, signal, onOutput } = request;
  if (signal.aborted) return { exitCode: null, timedOut: false, stopped: true, stdout: '', tail: '' };
  let [stdout, tail, timedOut] = ['', '', false];
  const { argv, env } = startedAs(request);
  const child = spawn('/bin/sh', ['-c', LEASH, 'sh', ...argv], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const keep = (stream: Readable | null, isStdout: boolean): void => {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      if (isStdout) stdout = (stdout + chunk).slice(-KEPT_CHARACTERS);
      tail = (tail + chunk).slice(-KEPT_CHARACTERS);
      onOutput?.(chunk);
    });
  };
  keep(child.stdout, true);
  keep(child.stderr, false);
  const leash = child.stdio[3];
  leash?.on('error', () => undefined);

  let impatience: NodeJS.Timeout | undefined;
  const end = (): void => {
    killGroup(child.pid, 'SIGTERM');
    impatience = setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE_MS);
  };
  const deadline = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutMs);
  signal.addEventListener('abort', end, { once: true });
  try {
    const closed = once(child, 'close');
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    // what the program left in the background would hold the output open
    killGroup(child.pid, 'SIGKILL');
    await closed;
    return { exitCode, timedOut, stopped: signal.aborted, stdout, tail };
  } finally {
    clearTimeout(deadline);
    clearTimeout(impatience);
    signal.removeEventListener('abort', end);
    killGroup(child.pid, 'SIGKILL');
    leash?.destroy();
  }
}

function startedAs({ argv, env, user }: ProcessRequest): {
  argv: readonly string[];
  env: Record<string, string>;
} {
  if (user === undefined || user === null) return { argv, env };
  const job = asLoneJob(user, { argv, env });
  return { argv: job.argv, env: { ...plainEnvironment(), ...job.env } };
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // the group has ended
  }
}

const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_.*|TZ|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy)$/;

/** What programs need to run at all, and none of the worker's secrets. */
export function plainEnvironment(own: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(own).flatMap(([name, value]) =>
      value !== undefined && PASSED_ON.test(name) ? [[name, value] as const] : [],
    ),
  );
}
