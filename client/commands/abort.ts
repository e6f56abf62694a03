import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const abort: CommandSpec = {
  name: 'abort',
  arguments: '<environment>',
  summary: 'stops what is in flight and undoes it',
  options: [
    { flags: '--version <version>', summary: 'which release, when two are in flight' },
    { flags: '--until <state>', summary: 'started, or done (default): wait until it is undone' },
    { flags: '--timeout <duration>', summary: 'stop waiting after this long' },
  ],
  examples: ['slipway abort prod', 'slipway abort prod --yes --reason "wrong tag"'],
  exits: [EXIT.done, EXIT.failedNotUndone, EXIT.refused, EXIT.timeout, EXIT.interrupted],
  run: stopAndUndo,
};

async function stopAndUndo(invocation: Invocation): Promise<Outcome> {
  const { environmentOf, toOutcome } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const { readChoice, readDuration } = await import('../flags.js');
  const { followBack } = await import('../way-back.js');
  const until = readChoice('--until', invocation.value('until'), ['started', 'done'] as const) ?? 'done';
  const timeoutMs = readDuration('--timeout', invocation.value('timeout'));
  const environment = environmentOf(invocation);
  const client = await openClient(invocation);
  const { global, terminal } = invocation;
  const target = await client.findStoppable(environment, invocation.value('version'));
  // Whoever holds the lane now is who we watch go, even if another enters right behind.
  const options = { timeoutMs, signal: terminal.interrupted };
  const following = await client.follow(environment, target, options);
  const decided = await client.abort(environment, {
    version: target.requestId,
    reason: global.reason,
  });
  const outcome = await toOutcome(invocation, client, decided, `${environment} is being stopped and undone`);
  if (!decided.reply.accepted || until === 'started') return outcome;
  return followBack(invocation, following, outcome);
}
