import type { ProgressStatus } from '../../workflows/messages.js';
import type { CommandSpec, Invocation, Outcome } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { ApproveOptions } from '../decided.js';
import type { SlipwayClient } from '../release-client.js';
import { printedDecision, SIGNING_OPTIONS } from '../signing-flags.js';

export const approve: CommandSpec = {
  name: 'approve',
  arguments: '<environment>',
  summary: 'shows digest and plan, then signs and sends your approval',
  options: [
    { flags: '--version <version>', summary: 'which release, when two wait' },
    { flags: '--group <name>', summary: 'the group you speak for' },
    ...SIGNING_OPTIONS,
    {
      flags: '--oidc',
      summary: 'approve with a token, of the CI that runs this or as --token-command prints it',
    },
    {
      flags: '--token-command <command>',
      summary: 'prints a token for $SLIPWAY_AUDIENCE or with $SLIPWAY_NONCE (default: SLIPWAY_TOKEN_COMMAND)',
    },
  ],
  examples: [
    'slipway approve prod',
    'slipway approve prod --group platform --yes --reason "OPS-412"',
    'slipway approve prod --oidc --yes',
  ],
  exits: [EXIT.done, EXIT.refused],
  run: approveWhatWaits,
};

async function approveWhatWaits(invocation: Invocation): Promise<Outcome> {
  const { confirm, environmentOf, NOT_CONFIRMED, toOutcome } = await import('../decide.js');
  const { openClient } = await import('../session.js');
  const { requireWelcome } = await import('../approve-waiting.js');
  const { requireShown } = await import('../signed-decisions.js');
  const { renderDecision } = await import('../render/decision.js');
  const environment = environmentOf(invocation);
  const client = await openClient(invocation);
  const target = await client.findWaiting(environment, invocation.value('version'), 'approve');
  const shown = requireShown(environment, target, await client.progress(target.workflowId));
  requireWelcome(shown, client.actor.by);
  const { style, terminal, global } = invocation;
  const { reason } = global;
  if (!global.json && !invocation.has('print'))
    terminal.out(renderDecision(style, shown, client.actor, reason));
  if (
    !invocation.has('print') &&
    !(await confirm(invocation, `Approve ${shown.version} for ${environment}?`))
  )
    return NOT_CONFIRMED;
  const [group, key] = [invocation.value('group'), invocation.value('key')];
  const command = invocation.value('token-command');
  const oidc = invocation.has('oidc') || command !== null ? { command } : null;
  const wish = { group, reason, key, oidc, env: terminal.env };
  if (invocation.has('print')) return await printSigned(client, shown, wish);
  const decided = await client.approve(environment, { version: target.requestId, ...wish, shown });
  return toOutcome(invocation, client, decided, `approved ${shown.version} for ${environment}`);
}

/** What would be sent, for another way there. */
async function printSigned(
  client: SlipwayClient,
  shown: ProgressStatus,
  wish: ApproveOptions,
): Promise<Outcome> {
  const { signWhatWaits } = await import('../approve-waiting.js');
  const signed = await signWhatWaits(client, shown, { ...wish, insists: true });
  return printedDecision(client.actor.by, { group: wish.group, reason: wish.reason }, signed);
}
