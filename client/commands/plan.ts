import type { EnvironmentStatus } from '../../workflows/messages.js';
import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const plan: CommandSpec = {
  name: 'plan',
  arguments: '[ref]',
  summary: 'what a release would do and what would refuse it; changes nothing',
  options: [
    { flags: '--to <environment>', summary: 'environment by name, repeated or with commas', repeats: true },
  ],
  examples: ['slipway plan', 'slipway plan v1.4.0 --to prod', 'slipway plan --json | jq .data.hash'],
  exits: [EXIT.done, EXIT.refused],
  run: showPlan,
};

async function showPlan(invocation: Invocation): Promise<Outcome> {
  const { compileLocally, readEnvironments } = await import('../prepare-release.js');
  const { renderPlan } = await import('../render/plan.js');
  const { plan, refusals } = await compileLocally(invocation);
  const names = plan.environments.map(({ name }) => name);
  const { live, unknown } = await askLive(invocation, plan.pipeline, names);
  const to = readEnvironments(invocation);
  const words = ['slipway release', ...invocation.args, ...(to.length === 0 ? [] : ['--to', ...to])];
  const screen = renderPlan(invocation.style, {
    plan,
    live,
    unknown,
    refused: refusals,
    command: words.join(' '),
  });
  const data = {
    ...plan,
    hash: plan.planHash,
    live:
      live === null
        ? null
        : Object.fromEntries([...live].map(([name, status]) => [name, status?.live ?? null])),
    // Only the worker can prove it, as the first step that looks at the hosts.
    wayBack: 'not proven yet',
    refused: refusals,
  };
  const [first] = refusals;
  if (first === undefined) return { exit: EXIT.done, data, screen };
  return {
    exit: EXIT.refused,
    data,
    screen,
    error: { ...first, why: null, docs: 'docs/pipeline-file.md#not-yet' },
  };
}

/** Live state by environment, where Temporal and a worker answer; a plan is worth reading without it. */
async function askLive(
  invocation: Invocation,
  pipeline: string,
  environments: string[],
): Promise<{ live: Map<string, EnvironmentStatus | null> | null; unknown: string | null }> {
  const { UserError } = await import('../user-error.js');
  const { openClient } = await import('../session.js');
  try {
    const client = await openClient(invocation, pipeline);
    const live = new Map<string, EnvironmentStatus | null>();
    for (const name of environments) live.set(name, await client.status(name));
    return { live, unknown: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { live: null, unknown: `${error.what} (${error.where})` };
  }
}
