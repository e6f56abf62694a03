import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const unfreeze: CommandSpec = {
  name: 'unfreeze',
  arguments: '<environment>',
  summary: 'opens a frozen environment again',
  options: [],
  examples: ['slipway unfreeze prod'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const client = await openClient(invocation);
    const decided = await client.unfreeze(environment, { reason: invocation.global.reason });
    return toOutcome(invocation, client, decided, `${environment} is open again`);
  },
};
