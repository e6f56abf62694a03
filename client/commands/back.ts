import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const back: CommandSpec = {
  name: 'back',
  arguments: '<environment>',
  summary: 'traffic of an open change back to the old colour, at once; then the rest is undone',
  options: [
    { flags: '--version <version>', summary: 'which release, when two are in flight' },
    { flags: '--until <state>', summary: 'started, or done (default): wait until it is undone' },
    { flags: '--timeout <duration>', summary: 'stop waiting after this long' },
  ],
  examples: ['slipway back prod', 'slipway back prod --until started'],
  exits: [EXIT.done, EXIT.failedNotUndone, EXIT.refused, EXIT.timeout, EXIT.interrupted],
  run: goBack,
};

async function goBack(invocation: Invocation): Promise<Outcome> {
  const { environmentOf, toOutcome } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const { readChoice, readDuration } = await import('../flags.js');
  const { followBack } = await import('../way-back.js');
  const until = readChoice('--until', invocation.value('until'), ['started', 'done'] as const) ?? 'done';
  const timeoutMs = readDuration('--timeout', invocation.value('timeout'));
  const environment = environmentOf(invocation);
  const client = await openClient(invocation);
  const decided = await client.back(environment, {
    version: invocation.value('version'),
    reason: invocation.global.reason,
  });
  const outcome = await toOutcome(invocation, client, decided, `traffic of ${environment} goes back`);
  if (!decided.reply.accepted || until === 'started') return outcome;
  const options = { timeoutMs, signal: invocation.terminal.interrupted };
  return followBack(invocation, await client.followLane(environment, options), outcome);
}
