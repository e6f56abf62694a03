/** What approve, switch, pause and their like have in common: say it, show the answer. */
import type { Invocation, Outcome } from './command.js';
import { EXIT } from './exit-codes.js';
import { plain } from './render/text.js';
import { lines } from './render/text.js';
import type { Decided, SlipwayClient } from './release-client.js';

/** The outcome of one decision: accepted (0) or refused, nothing touched (5). */
export function toOutcome(
  invocation: Invocation,
  client: SlipwayClient,
  decided: Decided,
  done: string,
): Outcome {
  const { style, terminal, global } = invocation;
  const { reply, target } = decided;
  const data = {
    accepted: reply.accepted,
    ...(reply.refused === null ? {} : { refused: reply.refused }),
    state: reply.state,
    workflowId: target.workflowId,
    version: target.version,
    ...client.actor,
  };
  const [environment = ''] = invocation.args;
  if (!reply.accepted) {
    const what = reply.refused ?? 'refused';
    if (!global.json)
      terminal.err(
        lines(`${style.red(style.failed)} ${plain(environment)}: ${plain(what)}`, '  nothing was changed'),
      );
    const error = {
      what,
      where: environment,
      why: null,
      wayOut: `see slipway status ${environment}`,
      docs: null,
    };
    return { exit: EXIT.refused, data, screen: '', error };
  }
  return {
    exit: EXIT.done,
    data,
    screen: lines(
      `${style.green(style.ok)} ${done}, by ${plain(client.actor.by)} (identity: ${client.actor.proof})`,
      reply.state === '' ? null : `  ${plain(reply.state)}`,
    ),
  };
}

/** The environment argument; commander has made sure that it is there. */
export function environmentOf({ args }: Invocation): string {
  return args[0] ?? '';
}

/** Asks, unless `--yes`. Throws (exit 2) where nobody can be asked. */
export async function confirm(invocation: Invocation, question: string): Promise<boolean> {
  const { terminal, global } = invocation;
  if (global.yes) return true;
  if (!terminal.canAsk || global.json) {
    const { badInput } = await import('./user-error.js');
    throw badInput({
      what: 'nobody is here to be asked',
      where: `slipway ${invocation.command}`,
      wayOut: 'say it with --yes',
      docs: 'docs/commands.md#deciding',
    });
  }
  const answer = (await terminal.ask(`${question} [y/N] `)).trim().toLowerCase();
  return answer === 'y' || answer === 'yes';
}
