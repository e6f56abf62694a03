/** `{run: ./smoke.sh}`: exit 0 is good. On the worker in a checkout of the commit, or on every host of the environment. */
import { spawn } from 'node:child_process';
import type { CheckPlan, HostPlan } from '../../pipeline/plan.js';
import { renderCommand, runTimeValues } from '../platforms/run-time-values.js';
import { bounded } from './bounded.js';
import { failed, inconclusive, passed, type CheckContext, type CheckOnce, type Finding } from './check.js';
import { findOwnUrl } from './colour-address.js';

type RunPlan = Extract<CheckPlan, { kind: 'run' }>;

/** `sh` cannot start the program: the check was never made. */
const CANNOT_RUN = new Set([126, 127]);
const TAIL_CHARACTERS = 2_048;
const END_GRACE_MS = 2_000;

interface Ended {
  exitCode: number | null;
  timedOut: boolean;
  output: string;
}

export const askRunCheck: CheckOnce<RunPlan> = async (plan, context) => {
  const { target, colour } = context;
  const command = renderCommand(plan.command, runTimeValues(target, colour), `check ${plan.name}`);
  const own = colour === null ? null : await findOwnUrl(target.plan, colour, context.openHost);
  const env = own === null ? context.env : { ...context.env, SLIPWAY_COLOUR_URL: own };
  if (plan.on === 'worker') {
    const ended = await runOnWorker({ ...plan, command }, context, env);
    return judge(plan, { ...ended, output: context.secrets.scrub(ended.output) }, 'worker');
  }
  const findings = await Promise.all(
    target.plan.hosts.map((host) => runOnHost({ ...plan, command }, context, env, host)),
  );
  return (
    findings.find(({ verdict }) => verdict === 'failed') ??
    findings.find(({ verdict }) => verdict === 'inconclusive') ??
    findings[0] ??
    inconclusive('the environment has no host')
  );
};

async function runOnHost(
  plan: RunPlan,
  context: CheckContext,
  env: Record<string, string>,
  hostPlan: HostPlan,
): Promise<Finding> {
  try {
    const host = await context.openHost(hostPlan);
    const result = await host.run({ argv: ['sh', '-c', plan.command], env, timeoutMs: plan.timeoutMs });
    if (result.connectionLost) return inconclusive(`${host.name}: connection lost`);
    const output = `${result.stdout}\n${result.stderr}`;
    return judge(plan, { exitCode: result.exitCode, timedOut: result.timedOut, output }, host.name);
  } catch (error) {
    return inconclusive(`${hostPlan.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function judge(plan: RunPlan, ended: Ended, where: string): Finding {
  const output = ended.output.trim().slice(-TAIL_CHARACTERS);
  const said = output === '' ? '' : `: ${output}`;
  if (ended.timedOut) return failed(`${where}: not done within ${plan.timeoutMs / 1000}s${said}`);
  if (ended.exitCode === 0) return passed(`${where}: exit 0`);
  if (ended.exitCode !== null && CANNOT_RUN.has(ended.exitCode)) {
    return inconclusive(`${where}: cannot be run${said}`);
  }
  return failed(`${where}: ${ended.exitCode === null ? 'killed' : `exit ${ended.exitCode}`}${said}`);
}

/** In a process group of its own, so a timeout or a stop ends what the command started as well. */
async function runOnWorker(
  plan: RunPlan,
  context: CheckContext,
  env: Record<string, string>,
): Promise<Ended> {
  const { signal } = context;
  signal.throwIfAborted();
  const child = spawn('sh', ['-c', plan.command], {
    ...(context.folder === null ? {} : { cwd: context.folder }),
    env: { ...baseEnvironment(), ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4 * TAIL_CHARACTERS);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let timedOut = false;
  let harder: NodeJS.Timeout | undefined;
  const end = (): void => {
    killGroup(child.pid, 'SIGTERM');
    harder = setTimeout(() => {
      killGroup(child.pid, 'SIGKILL');
    }, END_GRACE_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, plan.timeoutMs);
  signal.addEventListener('abort', end, { once: true });
  try {
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    signal.throwIfAborted();
    // what the command left behind must not hold its output, nor us
    killGroup(child.pid, 'SIGKILL');
    await bounded(closed, { timeoutMs: END_GRACE_MS, signal, onTimeout: () => {} });
    return { exitCode, timedOut, output };
  } finally {
    clearTimeout(timer);
    clearTimeout(harder);
    signal.removeEventListener('abort', end);
    killGroup(child.pid, 'SIGKILL');
  }
}

/** The worker's own environment holds its credentials: a check gets what programs need to run, nothing else. */
function baseEnvironment(): Record<string, string> {
  const names = [
    'PATH',
    'HOME',
    'USER',
    'LANG',
    'LC_ALL',
    'TZ',
    'TMPDIR',
    'NODE_EXTRA_CA_CERTS',
    'SSL_CERT_FILE',
  ];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // the group has already ended
  }
}
