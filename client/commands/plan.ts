import type { ReleasePlan } from '../../pipeline/plan.js';
import type { EnvironmentStatus } from '../../workflows/messages.js';
import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { Refusal } from '../local-plan.js';
import type { SlipwayClient } from '../release-client.js';

export const plan: CommandSpec = {
  name: 'plan',
  arguments: '[ref]',
  summary: 'what a release would do and what would refuse it; changes nothing',
  options: [
    { flags: '--to <environment>', summary: 'environment by name, repeated or with commas', repeats: true },
    { flags: '--commit <sha>', summary: 'a commit that the branch contains, instead of its head' },
  ],
  examples: ['slipway plan', 'slipway plan v1.4.0 --to prod', 'slipway plan --json | jq .data.hash'],
  exits: [EXIT.done, EXIT.refused],
  run: showPlan,
};

async function showPlan(invocation: Invocation): Promise<Outcome> {
  const { compileLocally, releaseOptionsOf } = await import('../prepare-release.js');
  const { renderPlan } = await import('../render/plan.js');
  const { typedWord } = await import('../../pipeline/typed-word.js');
  const { listMissingBefore } = await import('../good-before.js');
  const options = releaseOptionsOf(invocation);
  const compiled = await compileLocally(options);
  const { file } = compiled;
  const { client, status, unknown } = await askStatus(invocation, file.content.pipeline, [
    ...file.content.environments.keys(),
  ]);
  const selected = compiled.plan.environments.map(({ name }) => name);
  const served = selected.flatMap((name): [string, string][] => {
    const sha = status?.get(name)?.live?.commit.sha;
    return sha === undefined ? [] : [[name, sha]];
  });
  const local = await compiled.knowing(new Map(served));
  const { commitsSince, uncertain } = local;
  const asked = await askWorker(client, local.plan);
  const plan = asked.plan ?? local.plan;
  if (asked.unknown !== null) uncertain.unshift(`the worker's policy is unknown: ${asked.unknown}`);
  const missing = status === null ? [] : listMissingBefore(plan, status);
  const refusals = [...compiled.refusals, ...asked.problems, ...missing];
  if (unknown !== null) uncertain.unshift(`live state unknown: ${unknown}`);
  const { to = [], commit = null } = options;
  const words = [
    ...['slipway', 'release', ...invocation.args],
    ...(commit === null ? [] : ['--commit', commit]),
    ...(to.length === 0 ? [] : ['--to', ...to]),
  ];
  const screen = renderPlan(invocation.style, {
    plan,
    status,
    commitsSince,
    isPolicyKnown: asked.plan !== null,
    uncertain,
    refused: refusals,
    command: words.map(typedWord).join(' '),
  });
  const data = {
    ...plan,
    hash: plan.planHash,
    live:
      status === null
        ? null
        : Object.fromEntries(selected.map((name) => [name, status.get(name)?.live ?? null])),
    // Only the worker can prove it, as the first step that looks at the hosts.
    wayBack: 'not proven yet',
    refused: refusals,
    uncertain,
  };
  const [first] = refusals;
  if (first === undefined) return { exit: EXIT.done, data, screen };
  return {
    exit: EXIT.refused,
    data,
    screen,
    error: { ...first, why: null, docs: 'docs/commands.md#plan' },
  };
}

/** The plan under the worker's policy; null where no worker answers. */
async function askWorker(
  client: SlipwayClient | null,
  local: ReleasePlan,
): Promise<{ plan: ReleasePlan | null; problems: Refusal[]; unknown: string | null }> {
  if (local.environments.length === 0) return { plan: null, problems: [], unknown: null };
  if (client === null) return { plan: null, problems: [], unknown: 'no worker could be asked' };
  const { askPolicy } = await import('../ask-policy.js');
  const { UserError } = await import('../user-error.js');
  try {
    return { ...(await askPolicy(client, local)), unknown: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { what, where, wayOut, exit } = error;
    // by a policy that the worker cannot read, which refuses every release
    if (exit === EXIT.refused) return { plan: null, problems: [{ what, where, wayOut }], unknown: null };
    return { plan: null, problems: [], unknown: `${what} (${where}); ${wayOut}` };
  }
}

interface Asked {
  /** null = there is no Temporal. */
  client: SlipwayClient | null;
  status: Map<string, EnvironmentStatus | null> | null;
  unknown: string | null;
}

/** By environment, where Temporal and a worker answer; a plan is worth reading without it. */
async function askStatus(invocation: Invocation, pipeline: string, environments: string[]): Promise<Asked> {
  const { UserError } = await import('../user-error.js');
  const { openClient } = await import('../session.js');
  try {
    const client = await openClient(invocation, pipeline);
    const asked = environments.map(async (name) => [name, await client.status(name)] as const);
    return { client, status: new Map(await Promise.all(asked)), unknown: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { client: null, status: null, unknown: `${error.what} (${error.where})` };
  }
}
