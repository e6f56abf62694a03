import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const skipHost: CommandSpec = {
  name: 'skip-host',
  arguments: '<environment> <host>',
  summary: 'leaves out the host that fails and goes on, or one in quarantine until the next release',
  options: [{ flags: '--version <version>', summary: 'which release, when two are in flight' }],
  examples: ['slipway skip-host prod web-2 --reason "disk replaced tomorrow"'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const host = invocation.args[1] ?? '';
    const client = await openClient(invocation);
    const decided = await client.skipHost(environment, host, {
      version: invocation.value('version'),
      reason: invocation.global.reason,
    });
    const until = decided.target.kind === 'environment' ? ' until the next release' : '';
    return toOutcome(invocation, client, decided, `${host} is left out of ${environment}${until}`);
  },
};
