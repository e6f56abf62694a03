/** `{run: ./smoke.sh}`: exit 0 is good. On the worker in a checkout of the commit, or on every host of the environment. */
import type { CheckPlan } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import { renderCommand, runTimeValues } from '../platforms/run-time-values.js';
import type { ProcessResult } from '../processes/run-process.js';
import { runInCheckout } from '../source/checkout.js';
import { failed, inconclusive, passed, type CheckContext, type CheckOnce, type Finding } from './check.js';
import { findOwnUrl } from './colour-address.js';

type RunPlan = Extract<CheckPlan, { kind: 'run' }>;

/** `sh` cannot start the program: the check was never made. */
const CANNOT_RUN = new Set([126, 127]);
/** Of what a command has said. */
export const TAIL_CHARACTERS = 2_048;

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
    hostsOf(plan, target.plan.hosts).map(async (host) => ({
      ...(await runOnHost({ ...plan, command }, context, env, host)),
      host: host.name,
    })),
  );
  return (
    findings.find(({ verdict }) => verdict === 'failed') ??
    findings.find(({ verdict }) => verdict === 'inconclusive') ??
    findings[0] ??
    inconclusive('the environment has no host')
  );
};

function hostsOf(plan: RunPlan, hosts: HostPlan[]): HostPlan[] {
  return hosts.filter(({ name }) => plan.host === undefined || plan.host === name);
}

async function runOnHost(
  plan: RunPlan,
  context: CheckContext,
  env: Record<string, string>,
  hostPlan: HostPlan,
): Promise<Finding> {
  try {
    const host = await context.openHost(hostPlan);
    const result = await host.run({
      argv: ['sh', '-c', plan.command],
      isTeams: true,
      env,
      timeoutMs: plan.timeoutMs,
    });
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

async function runOnWorker(
  plan: RunPlan,
  context: CheckContext,
  env: Record<string, string>,
): Promise<Ended> {
  const { exitCode, timedOut, tail } = await runOnCommit(plan, plan.command, context, env);
  return { exitCode, timedOut, output: tail };
}

/** On the worker, in a checkout of the commit. */
export async function runOnCommit(
  { name, timeoutMs }: Pick<CheckPlan, 'name' | 'timeoutMs'>,
  command: string,
  { checkout, signal, target }: CheckContext,
  env: Record<string, string>,
): Promise<ProcessResult> {
  if (checkout === null) throw new Error(`check ${name} of ${target.plan.name} was given no checkout`);
  return await runInCheckout(checkout, command, { env, timeoutMs, signal });
}
