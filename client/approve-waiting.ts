/** One approval from beginning to end: signed where proof is asked for, sent, and what a worker made of it. */
import { refuseApprover } from '../workflows/decisions.js';
import type { Actor, Decision, ProgressStatus } from '../workflows/messages.js';
import { UPDATE } from '../workflows/names.js';
import { splitRefusal, type ApproveOptions, type Decided } from './decided.js';
import { approveByToken, signApproval, type GivenByToken } from './sign-approval.js';
import { findSigningKey, sentWith, type Signed } from './sign-with-ssh.js';
import type { DecisionTarget } from './targets.js';
import { reasonToSign } from './text-to-sign.js';
import { refused } from './user-error.js';
import { afterHearing } from './wait-until-heard.js';

/** What of a client it needs. */
interface Approver {
  actor: Actor;
  progress(workflowId: string): Promise<ProgressStatus | null>;
  decide(target: DecisionTarget, name: 'approve', said: Partial<Decision>): Promise<Decided>;
}

/** Throws UserError when a signature is wanted and no key can give it: exit 5 for none, 2 for one that was named. */
export async function approveWaiting(
  client: Approver,
  target: DecisionTarget,
  options: ApproveOptions,
): Promise<Decided> {
  const { shown = null } = options;
  const status = shown ?? (await client.progress(target.workflowId));
  if (status !== null) requireWelcome(status, client.actor.by);
  const signed = status === null ? null : await signWhatWaits(client, status, options);
  const decided = await client.decide(target, UPDATE.approve, {
    reason: options.reason ?? null,
    group: options.group ?? null,
    planHash: shown?.planHash ?? null,
    digest: shown?.artifacts.map(({ digest }) => digest).join(',') ?? null,
    ...sentWith(signed),
  });
  const proof = signed?.proof ?? client.actor.proof;
  return await afterHearing({ ...decided, proof }, () => client.progress(target.workflowId));
}

/**
 * Throws UserError (exit 5) when all that is missing is given on GitHub, or by others: nobody signs for nothing. Who else
 * may is the worker's to say, once it is signed.
 */
export function requireWelcome({ environment, approving, approvals }: ProgressStatus, by: string): void {
  const { onGithub = null, excluding } = approving ?? {};
  if (onGithub !== null)
    throw refused({
      what: onGithub,
      where: environment,
      wayOut: 'it goes on by itself once that is given',
    });
  const never = excluding === undefined ? null : refuseApprover(excluding, approvals, by);
  if (never === null) return;
  const { what, wayOut } = splitRefusal(never);
  throw refused({ what, where: environment, wayOut: wayOut ?? 'ask somebody else' });
}

/** null = nothing that waits asks for proof, and neither do the options. */
export async function signWhatWaits(
  client: Pick<Approver, 'actor'>,
  shown: ProgressStatus,
  options: ApproveOptions,
): Promise<Signed | GivenByToken | null> {
  const { key = null, group = null, oidc = null, env = process.env, insists = false } = options;
  const { approving } = shown;
  if (approving === undefined) return null;
  const asks = insists || key !== null || approving.mustSign;
  if (oidc === null && key === null && approving.byToken === 'every' && !approving.mustSign)
    throw refused({
      what: 'what is missing here is given with a token',
      where: shown.environment,
      wayOut: `slipway approve ${shown.environment} --oidc`,
      docs: 'docs/approvals.md#tokens',
    });
  if (oidc === null && !asks) return null;
  const { requestId, expiresMs } = approving;
  const reason = reasonToSign(options.reason);
  const { by } = client.actor;
  const text = { status: shown, requestId, by, group, reason, expiresMs };
  return oidc === null
    ? await signApproval({ ...text, keyFile: findSigningKey(key, env) })
    : await approveByToken(text, { command: oidc.command, env });
}
