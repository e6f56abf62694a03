import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const approve: CommandSpec = {
  name: 'approve',
  arguments: '<environment>',
  summary: 'shows digest and plan, then approves what waits',
  options: [
    { flags: '--version <version>', summary: 'which release, when two wait' },
    { flags: '--group <name>', summary: 'the group you speak for' },
  ],
  examples: ['slipway approve prod', 'slipway approve prod --group platform --yes --reason "OPS-412"'],
  exits: [EXIT.done, EXIT.refused],
  run: approveWhatWaits,
};

async function approveWhatWaits(invocation: Invocation): Promise<Outcome> {
  const { confirm, environmentOf, toOutcome } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const { renderDecision } = await import('../render/decision.js');
  const environment = environmentOf(invocation);
  const client = await openClient(invocation);
  const target = await client.findWaiting(environment, invocation.value('version'), 'approve');
  const shown = await client.progress(target.workflowId);
  if (shown === null) {
    const { refused } = await import('../user-error.js');
    throw refused({
      what: 'it has ended meanwhile',
      where: environment,
      wayOut: `slipway status ${environment}`,
    });
  }
  const { style, terminal, global } = invocation;
  if (!global.json) terminal.out(renderDecision(style, shown, client.actor));
  if (!(await confirm(invocation, `Approve ${shown.version} for ${environment}?`))) {
    return {
      exit: EXIT.refused,
      data: { accepted: false, refused: 'not confirmed' },
      screen: 'Nothing was changed.\n',
    };
  }
  const decided = await client.approve(environment, {
    version: target.version,
    group: invocation.value('group'),
    reason: global.reason,
    // Bound to what was on the screen: another plan or digest by then voids it.
    seen: { planHash: shown.planHash, digest: shown.artifacts.map(({ digest }) => digest).join(',') },
  });
  return toOutcome(invocation, client, decided, `approved ${shown.version} for ${environment}`);
}
