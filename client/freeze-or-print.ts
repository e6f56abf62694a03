/** freeze and unfreeze: signed where the policy says who may, and sent or printed. */
import type { Invocation, Outcome } from './command.js';
import { environmentOf, toOutcome } from './decide.js';
import type { Decided } from './decided.js';
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
  // it may come before the first release; under a misspelt name it would freeze nothing
  if ((await client.status(environment)) === null) await client.requireKnown(environment);
  if (!invocation.has('print')) {
    const decided = await client[name](environment, wish);
    return toOutcome(invocation, client, await besideChange(client, environment, decided), done);
  }
  const { until = null, reason = null } = wish;
  const signed = await signFreeze(client, environment, name, wish);
  return printedDecision(client.actor.by, { until, reason }, signed);
}

/** An environment speaks of the change in flight first, which a freeze and its end do not touch. */
async function besideChange(client: SlipwayClient, environment: string, decided: Decided): Promise<Decided> {
  if (!decided.reply.accepted) return decided;
  const now = await client.status(environment).catch(() => null);
  if (now?.inFlight == null) return decided;
  const { version, kind } = now.inFlight.request;
  return { ...decided, reply: { ...decided.reply, state: `${version} (${kind}) is in flight and goes on` } };
}
