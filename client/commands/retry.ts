import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const retry: CommandSpec = {
  name: 'retry',
  arguments: '<environment>',
  summary: 'tries the step that holds again',
  options: [{ flags: '--version <version>', summary: 'which release, when two are in flight' }],
  examples: ['slipway retry prod'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { environmentOf, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const client = await openClient(invocation);
    const decided = await client.retry(environment, {
      version: invocation.value('version'),
      reason: invocation.global.reason,
    });
    return toOutcome(invocation, client, decided, `the held step of ${environment} is tried again`);
  },
};
