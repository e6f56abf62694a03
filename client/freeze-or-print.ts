/** freeze and unfreeze: signed where the policy says who may, and sent or printed. */
import type { Invocation, Outcome } from './command.js';
import { environmentOf, toOutcome } from './decide.js';
import type { SlipwayClient } from './release-client.js';
import { signFreeze, type FreezeOptions } from './signed-decisions.js';
import { printedDecision } from './signing-flags.js';

export async function freezeOrPrint(
  invocation: Invocation,
  client: SlipwayClient,
  name: 'freeze' | 'unfreeze',
  wish: FreezeOptions,
  done: string,
): Promise<Outcome> {
  const environment = environmentOf(invocation);
  if (!invocation.has('print'))
    return toOutcome(invocation, client, await client[name](environment, wish), done);
  const { until = null, reason = null } = wish;
  const signed = await signFreeze(client, environment, name, wish);
  return printedDecision(client.actor.by, { until, reason }, signed);
}
