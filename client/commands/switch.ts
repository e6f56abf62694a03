import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { printedDecision, SIGNING_OPTIONS, signingOf } from '../signing-flags.js';

export const switchTraffic: CommandSpec = {
  name: 'switch',
  arguments: '<environment>',
  summary: 'moves traffic to the idle colour that waits for a word; signed where the policy says who may',
  options: [
    { flags: '--version <version>', summary: 'which release, when two are in flight' },
    ...SIGNING_OPTIONS,
  ],
  examples: ['slipway switch prod', 'slipway switch prod --key ~/.ssh/work'],
  exits: [EXIT.done, EXIT.refused],
  run: sayToSwitch,
};

async function sayToSwitch(invocation: Invocation): Promise<Outcome> {
  const { environmentOf, toOutcome } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const environment = environmentOf(invocation);
  const client = await openClient(invocation);
  const version = invocation.value('version');
  const signing = signingOf(invocation);
  if (!invocation.has('print')) {
    const decided = await client.switchTraffic(environment, { version, ...signing });
    const done = `traffic of ${environment} is being switched to ${decided.target.version}`;
    return toOutcome(invocation, client, decided, done);
  }
  const { requireShown, signSwitch } = await import('../signed-decisions.js');
  const target = await client.findChange(environment, version);
  const shown = requireShown(environment, target, await client.progress(target.workflowId));
  const signed = await signSwitch(client, shown, signing);
  return printedDecision(client.actor.by, { reason: signing.reason }, signed);
}
