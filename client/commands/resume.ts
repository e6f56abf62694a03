import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const resume: CommandSpec = {
  name: 'resume',
  arguments: '<environment>',
  summary: 'goes on after a pause, or after a person has looked',
  options: [{ flags: '--version <version>', summary: 'which release, when two are in flight' }],
  examples: ['slipway resume prod'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const client = await openClient(invocation);
    const decided = await client.resume(environment, {
      version: invocation.value('version'),
      reason: invocation.global.reason,
    });
    return toOutcome(invocation, client, decided, `${environment} goes on`);
  },
};
