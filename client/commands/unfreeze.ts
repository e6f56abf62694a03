import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { SIGNING_OPTIONS, signingOf } from '../signing-flags.js';

export const unfreeze: CommandSpec = {
  name: 'unfreeze',
  arguments: '<environment>',
  summary: 'opens a frozen environment again',
  options: SIGNING_OPTIONS,
  examples: ['slipway unfreeze prod'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const { freezeOrPrint } = await import('../freeze-or-print.js');
    const client = await openClient(invocation);
    const done = `${environmentOf(invocation)} is open again`;
    return await freezeOrPrint(invocation, client, 'unfreeze', signingOf(invocation), done);
  },
};
