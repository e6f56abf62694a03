import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { AnyResult, FollowedTo } from '../followed.js';

interface EndReason {
  state?: AnyResult['state'];
  reason?: string;
}

export const watch: CommandSpec = {
  name: 'watch',
  arguments: '<environment>',
  summary: 'follows what is in flight to its end; Ctrl-C or q ends only the view',
  options: [
    { flags: '--version <version>', summary: 'which release, when two are in flight' },
    { flags: '--until <state>', summary: 'waiting or done (default)' },
    { flags: '--timeout <duration>', summary: 'stop looking after this long' },
  ],
  examples: ['slipway watch prod', 'slipway watch prod --json | jq .data.headline'],
  exits: [
    EXIT.done,
    EXIT.failedUndone,
    EXIT.failedNotUndone,
    EXIT.refused,
    EXIT.timeout,
    EXIT.superseded,
    EXIT.interrupted,
  ],
  run: followOne,
};

async function followOne(invocation: Invocation): Promise<Outcome> {
  const { environmentOf } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const { readChoice, readDuration } = await import('../flags.js');
  const { renderFollowed, showWhileFollowing } = await import('../live-view.js');
  const { exitOfProgress } = await import('../release-data.js');
  const until = readChoice('--until', invocation.value('until'), ['waiting', 'done'] as const) ?? 'done';
  const timeoutMs = readDuration('--timeout', invocation.value('timeout'));
  const environment = environmentOf(invocation);
  const client = await openClient(invocation);
  const target = await client.findInFlight(environment, invocation.value('version'));
  const { openWatchKeys } = await import('../watch-keys.js');
  const { interrupted } = invocation.terminal;
  const keys = await openWatchKeys(invocation, client, environment);
  const signal = keys === null ? interrupted : AbortSignal.any([interrupted, keys.quit]);
  try {
    const following = await client.follow(environment, target, { until, timeoutMs, signal });
    const followed = await showWhileFollowing(invocation, following, 'events', keys?.footer);
    const exit = exitOfProgress(followed);
    const goesOn = ['ended', 'waiting'].includes(followed.end.how)
      ? ''
      : `The release goes on: slipway watch ${environment}\n`;
    return await finish(invocation, renderFollowed(invocation, followed) + goesOn, exit, reasonOf(followed));
  } finally {
    await keys?.close();
  }
}

/** How it ended, in the words of whoever carried it out: by which release or person. Nothing where only the view ended. */
function reasonOf({ end }: FollowedTo<AnyResult>): EndReason {
  if (end.how !== 'ended') return {};
  if (end.result !== null) return { state: end.result.state, reason: end.result.headline };
  return end.failure === null ? {} : { reason: end.failure.message };
}

async function finish(
  invocation: Invocation,
  screen: string,
  exit: Outcome['exit'],
  reason: EndReason,
): Promise<Outcome> {
  const { terminal, global, command } = invocation;
  const { renderExit } = await import('../render/watch.js');
  if (!global.json)
    return { exit, data: null, screen: exit === EXIT.done ? screen : screen + renderExit(exit) };
  const end = { schema: 1, event: 'end', command, ok: exit === EXIT.done, exit, ...reason };
  terminal.out(`${JSON.stringify(end)}\n`);
  return { exit, data: null, screen: '', written: true };
}
