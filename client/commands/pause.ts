import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const pause: CommandSpec = {
  name: 'pause',
  arguments: '<environment>',
  summary: 'stops before the next step',
  options: [{ flags: '--version <version>', summary: 'which release, when two are in flight' }],
  examples: ['slipway pause prod --reason "database maintenance"'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const client = await openClient(invocation);
    const decided = await client.pause(environment, {
      version: invocation.value('version'),
      reason: invocation.global.reason,
    });
    return toOutcome(invocation, client, decided, `${environment} pauses before its next step`);
  },
};
