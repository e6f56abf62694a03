import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const retry: CommandSpec = {
  name: 'retry',
  arguments: '<environment>',
  summary: 'tries the step that holds again; when no change is in flight, the hosts in quarantine',
  options: [
    { flags: '--version <version>', summary: 'which release, when two are in flight' },
    { flags: '--host <host>', summary: 'this host in quarantine only' },
  ],
  examples: ['slipway retry prod', 'slipway retry prod --host web-7'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const client = await openClient(invocation);
    const host = invocation.value('host');
    const decided = await client.retry(environment, {
      host,
      version: invocation.value('version'),
      reason: invocation.global.reason,
    });
    const what =
      decided.target.kind === 'environment' ? (host ?? 'every host in quarantine') : 'the held step';
    return toOutcome(invocation, client, decided, `${what} of ${environment} is tried again`);
  },
};
