import type { CommandSpec } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const reject: CommandSpec = {
  name: 'reject',
  arguments: '<environment>',
  summary: 'says no to what waits; one no is final',
  options: [{ flags: '--version <version>', summary: 'which release, when two wait' }],
  examples: ['slipway reject prod --reason "not before Monday"'],
  exits: [EXIT.done, EXIT.refused],
  run: async (invocation) => {
    const { confirm, environmentOf, NOT_CONFIRMED, toOutcome } = await import('../decide.js');
    const { openClient } = await import('../session.js');
    const environment = environmentOf(invocation);
    const client = await openClient(invocation);
    const target = await client.findWaiting(environment, invocation.value('version'), 'reject');
    if (!(await confirm(invocation, `Reject ${target.version} for ${environment}? This is final.`)))
      return NOT_CONFIRMED;
    const decided = await client.reject(environment, {
      version: target.requestId,
      reason: invocation.global.reason,
    });
    return toOutcome(invocation, client, decided, `rejected ${target.version} for ${environment}`);
  },
};
