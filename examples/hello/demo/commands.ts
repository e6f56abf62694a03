/** The commands a person would type, and the worker they talk to: real processes, all of them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { ProgressStatus } from '../../../workflows/messages.js';
import { packageFolder } from './package-folder.js';
import type { Stage } from './stage.js';

/** The command, compiled. */
export const slipway = path.join(packageFolder, 'dist/client/main.js');
const worker = path.join(packageFolder, 'dist/workers/main.js');

export type PromotionData = Pick<ProgressStatus, 'state' | 'steps' | 'unwind' | 'failure'>;

export interface CommandOutput {
  exit: number;
  /** The `--json` object's `data` and `error`; of `release`, the part the demo tells of. */
  data: { promotions?: PromotionData[] } | null;
  error: { what: string; wayOut: string } | null;
}

/** Runs `slipway … --json` in the demo's repository as `actor`. */
export async function runSlipway(stage: Stage, actor: string, args: string[]): Promise<CommandOutput> {
  const child = spawnSlipway(stage, actor, [...args, '--json']);
  const text: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => text.push(chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const output = JSON.parse(text.join('')) as Omit<CommandOutput, 'error'> & {
    error?: CommandOutput['error'];
  };
  return { exit: code ?? output.exit, data: output.data, error: output.error ?? null };
}

/** `slipway watch prod --json` until `seen` says yes; returns that status. Throws when the watch ends before. */
export async function watchUntil(
  stage: Stage,
  args: string[],
  seen: (status: ProgressStatus) => boolean,
): Promise<ProgressStatus> {
  const child = spawnSlipway(stage, 'you', ['watch', ...args, '--json']);
  const ended = once(child, 'close');
  ended.catch(() => undefined);
  try {
    if (child.stdout === null) throw new Error('watch has no output');
    for await (const line of createInterface({ input: child.stdout })) {
      const { event, data } = JSON.parse(line) as { event: string; data: ProgressStatus };
      if (event === 'progress' && seen(data)) return data;
    }
    throw new Error(`slipway watch ${args.join(' ')} ended before what was waited for`);
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

function spawnSlipway(stage: Stage, actor: string, args: string[]): ChildProcess {
  return spawn(process.execPath, [slipway, ...args], {
    cwd: stage.repository,
    env: {
      ...withoutCi(process.env),
      TEMPORAL_ADDRESS: stage.temporalAddress,
      SLIPWAY_ACTOR: actor,
      SLIPWAY_SIGNING_KEY: stage.keys[actor],
    },
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: stage.stopping,
    // Ctrl-C in the terminal is ours to handle.
    detached: true,
  });
}

/** The demo is a person at a terminal, wherever it runs. */
function withoutCi(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const {
    CI: _ci,
    GITHUB_ACTIONS: _actions,
    GITHUB_OUTPUT: _output,
    GITHUB_STEP_SUMMARY: _summary,
    ...rest
  } = env;
  return rest;
}

export interface WorkerProcess {
  pid: number;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Starts a worker and waits until it says it is ready; how to end it is on `ends` before that. */
export async function startWorker(stage: Stage, ends: (() => Promise<void>)[]): Promise<WorkerProcess> {
  mkdirSync(stage.dataFolder, { recursive: true });
  const child = spawn(process.execPath, [worker, 'worker', '--json', '--data', stage.dataFolder], {
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: stage.temporalAddress,
      SLIPWAY_POLICY: stage.policyFile,
      SLIPWAY_METRICS_ADDRESS: 'off',
      SLIPWAY_HEALTH_ADDRESS: 'off',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const log = path.join(stage.dataFolder, 'worker.log');
  child.stderr.pipe(createWriteStream(log, { flags: 'a' }));
  const ended = once(child, 'exit');
  const kill = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await ended;
  };
  ends.push(() => kill('SIGTERM'));
  const ready = once(createInterface({ input: child.stdout }), 'line').then(() => true);
  if (!(await Promise.race([ready, ended.then(() => false)])) || child.pid === undefined) {
    throw new Error(`the worker ended before it was ready; its log: ${log}`);
  }
  stage.stopping.throwIfAborted();
  return { pid: child.pid, kill };
}
