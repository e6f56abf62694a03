/** What approve, switch, pause and their like have in common: say it, show the answer. */
import { describeProven } from '../workflows/taken-decisions.js';
import type { Invocation, Outcome } from './command.js';
import { EXIT } from './exit-codes.js';
import { splitRefusal, type Decided } from './decided.js';
import type { SlipwayClient } from './release-client.js';
import { renderError } from './render/error.js';
import type { Style } from './render/style.js';
import { cut, lines, plain } from './render/text.js';
import { refused, type UserError } from './user-error.js';

/** The outcome of one decision: accepted (0) or refused, nothing touched (5). */
export async function toOutcome(
  invocation: Invocation,
  client: SlipwayClient,
  decided: Decided,
  done: string,
): Promise<Outcome> {
  const { style, terminal, global } = invocation;
  const { reply, target, proof = client.actor.proof } = decided;
  const state = await stateAfter(client, decided);
  const data = {
    accepted: reply.accepted,
    ...(reply.refused === null ? {} : { refused: reply.refused }),
    state,
    workflowId: target.workflowId,
    version: target.version,
    by: client.actor.by,
    proof,
  };
  const [environment = ''] = invocation.args;
  if (!reply.accepted) {
    const error = explainRefusal(decided, environment, `slipway status ${environment}`);
    if (!global.json) terminal.err(renderError(style, error) + NOTHING_CHANGED);
    return { exit: EXIT.refused, data, screen: '', error: error.explanation() };
  }
  return {
    exit: EXIT.done,
    data,
    screen: lines(describeAccepted(style, client, done, proof), state === '' ? null : `  ${plain(state)}`),
  };
}

const NOTHING_CHANGED = '  nothing was changed\n';

function explainRefusal({ reply, wayOut }: Decided, where: string, otherwise: string): UserError {
  const split = splitRefusal(reply.refused ?? 'refused');
  if (wayOut !== undefined) return refused({ what: reply.refused ?? 'refused', where, wayOut });
  return refused({ what: split.what, where, wayOut: split.wayOut ?? otherwise });
}

/** The same as one line, for a screen that goes on. */
export async function describeReply(
  { style }: Invocation,
  client: SlipwayClient,
  decided: Decided,
  environment: string,
  done: string,
): Promise<string> {
  const { accepted } = decided.reply;
  if (!accepted) {
    const { what, wayOut } = explainRefusal(decided, environment, '');
    const ways = wayOut === '' ? '' : `; ${wayOut}`;
    return `${style.red(style.failed)} ${plain(environment)}: ${plain(what + ways)}; nothing was changed`;
  }
  return `${describeAccepted(style, client, done, decided.proof)}: ${plain(await stateAfter(client, decided))}`;
}

function describeAccepted(
  style: Style,
  { actor }: SlipwayClient,
  done: string,
  proof: NonNullable<Decided['proof']> = actor.proof,
): string {
  const proven = proof === 'oidc' ? 'by token' : describeProven({ proof, reason: null });
  return `${style.green(style.ok)} ${plain(done)}, by ${plain(actor.by)} (${proven})`;
}

/** The reply to a decision is given before it takes effect; what it led to is asked for afterwards. */
async function stateAfter(client: SlipwayClient, { reply, target }: Decided): Promise<string> {
  if (!reply.accepted || target.kind === 'environment') return reply.state;
  const now = await client.progress(target.workflowId).catch(() => null);
  return now?.headline ?? reply.state;
}

/** The environment argument; commander has made sure that it is there. */
export function environmentOf({ args }: Invocation): string {
  return args[0] ?? '';
}

/** What a command ends with when its question was answered with no. */
export const NOT_CONFIRMED: Outcome = {
  exit: EXIT.refused,
  data: { accepted: false, refused: 'not confirmed' },
  screen: 'Nothing was changed.\n',
};

const ROOM_TO_ANSWER = 8;

/** Asks, unless `--yes`. Throws (exit 2) where nobody can be asked. */
export async function confirm(invocation: Invocation, question: string): Promise<boolean> {
  const { terminal, global, style } = invocation;
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
  // what is longer would go on below, and could look there like a screen of ours
  const asked = cut(style, plain(question), style.columns - ROOM_TO_ANSWER);
  const answer = (await terminal.ask(`${asked} [y/N] `)).trim().toLowerCase();
  return answer === 'y' || answer === 'yes';
}
