import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const switchTraffic: CommandSpec = {
  name: 'switch',
  arguments: '<environment>',
  summary: 'moves traffic to the idle colour that waits for a word',
  options: [{ flags: '--version <version>', summary: 'which release, when two are in flight' }],
  examples: ['slipway switch prod'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const client = await openClient(invocation);
    const decided = await client.switchTraffic(environment, {
      version: invocation.value('version'),
      reason: invocation.global.reason,
    });
    return toOutcome(invocation, client, decided, `traffic of ${environment} is being switched`);
  },
};
