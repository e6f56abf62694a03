import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { PreflightFinding } from '../../workflows/activity-contract.js';
import type { ReleaseRecord } from '../../workflows/result.js';
import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { SlipwayClient } from '../release-client.js';

export const doctor: CommandSpec = {
  name: 'doctor',
  arguments: '[environment]',
  summary: 'looks at everything a release needs, from the worker, where releases run',
  options: [],
  examples: ['slipway doctor', 'slipway doctor prod'],
  exits: [EXIT.done, EXIT.refused],
  run: lookAtEverything,
};

async function lookAtEverything(invocation: Invocation): Promise<Outcome> {
  const { compileForLooking } = await import('../plan-for-looking.js');
  const { openClient } = await import('../session.js');
  const { describeLook, renderFindings } = await import('../render/doctor.js');
  const { pipeline, plans, findings: local } = await compileForLooking(invocation);
  const client = await openClient(invocation, pipeline);
  const findings = [...local, ...(await lookAtTemporal(client))];
  for (const plan of plans) {
    // a host that takes a connection and says nothing is waited for, half a minute and more
    if (!invocation.global.json) invocation.terminal.err(`${describeLook(plan)}\n`);
    findings.push(...(await lookAtEnvironment(client, plan)));
  }
  const problem = findings.find(({ state }) => state === 'problem');
  const outcome: Outcome = {
    exit: EXIT.done,
    data: { findings },
    screen: renderFindings(invocation.style, findings),
  };
  if (problem === undefined) return outcome;
  const { where, thing, message, wayOut } = problem;
  const { ENVIRONMENT } = await import('../needs-hands.js');
  const [what = '', ...said] = message.split('\n');
  const error = {
    what,
    where,
    why: said.length === 0 ? null : said.join('\n'),
    wayOut: wayOut ?? 'see the findings',
    docs: thing === ENVIRONMENT ? 'docs/commands.md#looking' : 'docs/hosts.md',
  };
  return { ...outcome, exit: EXIT.refused, error };
}

async function lookAtTemporal(client: SlipwayClient): Promise<PreflightFinding[]> {
  const { address, namespace, taskQueue } = client.link;
  await client.link.requireWorker();
  const ok = (thing: string, message: string): PreflightFinding => ({
    where: 'temporal',
    thing,
    state: 'ok',
    message,
    wayOut: null,
  });
  return [ok('server', `${address}, namespace ${namespace}`), ok('worker', `polls ${taskQueue}`)];
}

async function lookAtEnvironment(client: SlipwayClient, plan: EnvironmentPlan): Promise<PreflightFinding[]> {
  const status = await client.status(plan.name);
  const { findNeeds } = await import('../needs-hands.js');
  const { askChangeInFlight } = await import('../change-in-flight.js');
  const change = status?.inFlight == null ? null : await askChangeInFlight(client, plan.name);
  const findings = await inspect(client, plan, status?.live ?? null);
  return status === null ? findings : [...findNeeds(status, change), ...findings];
}

/** An environment that may not be looked at hides no other. */
async function inspect(
  client: SlipwayClient,
  plan: EnvironmentPlan,
  live: ReleaseRecord | null,
): Promise<PreflightFinding[]> {
  const question = { what: 'doctor', plan, step: null, host: null, lines: 0, live } as const;
  try {
    return (await client.inspect(question)).findings;
  } catch (error) {
    const { UserError } = await import('../user-error.js');
    if (!(error instanceof UserError) || error.exit !== EXIT.refused) throw error;
    const { what: message, why, wayOut } = error;
    const said = why === null ? message : `${message}\n${why}`;
    return [{ where: plan.name, thing: 'look', state: 'problem', message: said, wayOut }];
  }
}
