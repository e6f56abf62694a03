/**
 * Git as a child process. No shell, no prompts, no hooks, no transport that runs programs; the worker's own git
 * configuration may say how to log in, but not what the files of a commit are.
 */
import { execFile, type ExecFileException } from 'node:child_process';
import { ApplicationFailure } from '@temporalio/common';
import { redactUrls } from './git-names.js';

/** What is longer is refused, or answered without its content. */
export const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024;

export interface GitCall {
  args: string[];
  /** Bare repository; absent for commands that need none. */
  repository?: string;
  /** Work tree the command runs in; absent = the repository itself. */
  cwd?: string;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
}

export interface GitAnswer {
  exitCode: number;
  stdout: Buffer;
  /** Credentials in URLs removed. */
  stderr: string;
}

const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.quotePath=false',
  'core.filesRefLockTimeout=5000',
  'core.packedRefsTimeout=5000',
  'gc.auto=0',
  'maintenance.auto=false',
  'tar.umask=0022',
  'advice.detachedHead=false',
  'submodule.recurse=false',
  'i18n.logOutputEncoding=UTF-8',
  // files are what the commit says, on every worker
  'core.autocrlf=false',
  'core.attributesFile=/dev/null',
  // a commit's .lfsconfig says which server is asked, and GIT_ASKPASS would log in there
  'filter.lfs.process=',
  'filter.lfs.smudge=',
  'filter.lfs.required=false',
];

/** How git is started, whatever is done with what it writes. */
export function gitCommand(call: GitCall): {
  args: string[];
  options: { cwd: string; env: NodeJS.ProcessEnv };
} {
  const args = [
    ...SETTINGS.flatMap((setting) => ['-c', setting]),
    ...(call.repository === undefined ? [] : [`--git-dir=${call.repository}`]),
    '--literal-pathspecs',
    ...call.args,
  ];
  return { args, options: { cwd: call.cwd ?? call.repository ?? '/', env: gitEnvironment() } };
}

/** Resolves for any exit code; rejects when git could not run, took too long or was cancelled. */
export async function runGit(call: GitCall): Promise<GitAnswer> {
  const { args, options } = gitCommand(call);
  return await new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      args,
      {
        ...options,
        encoding: 'buffer',
        timeout: call.timeoutMs ?? 60_000,
        killSignal: 'SIGTERM',
        maxBuffer: LARGEST_ANSWER_BYTES,
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      },
      (error, stdout, stderr) => {
        const told = redactUrls(stderr.toString('utf8')).trim();
        if (error === null) resolve({ exitCode: 0, stdout, stderr: told });
        else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr: told });
        else if (call.signal?.aborted === true) reject(error);
        else reject(explain(error, call, told));
      },
    );
    child.stdin?.end();
  });
}

/** Stdout as text; a non-zero exit is an error that Temporal retries. */
export async function readGit(call: GitCall): Promise<string> {
  const answer = await runGit(call);
  if (answer.exitCode !== 0) throw gitFailed(call, answer);
  return answer.stdout.toString('utf8');
}

export function gitNotStarted(call: GitCall, error: unknown): ApplicationFailure {
  return explain(error instanceof Error ? error : new Error(String(error)), call, '');
}

/** Git said no in a way a retry may cure: a lock, a network, a server. */
export function gitFailed(call: GitCall, answer: GitAnswer): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'GitFailed',
    nonRetryable: false,
    message: `git ${call.args[0]} ended with ${answer.exitCode}: ${answer.stderr.slice(-1000)}`,
  });
}

function explain(error: ExecFileException, call: GitCall, told: string): ApplicationFailure {
  const because =
    error.code === 'ENOENT'
      ? 'the program git was not found on the worker; install it'
      : error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'
        ? 'its answer is too large'
        : error.killed === true
          ? `no answer within ${(call.timeoutMs ?? 60_000) / 1000}s`
          : `it was ended by a signal`;
  return ApplicationFailure.create({
    type: 'GitFailed',
    nonRetryable: false,
    message: `git ${call.args[0]}: ${because}${told === '' ? '' : `: ${told.slice(-500)}`}`,
  });
}

function gitEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GIT_') || name === 'GIT_SSH_COMMAND' || name === 'GIT_ASKPASS',
  );
  return {
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    LC_ALL: 'C',
  };
}
