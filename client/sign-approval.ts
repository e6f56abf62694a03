/** An approval, signed with the person's SSH key, or with a token that says who it is. */
import { randomUUID } from 'node:crypto';
import { APPROVAL_NAMESPACE, writeApproval } from '../pipeline/approval-statement.js';
import { bindingOf } from '../pipeline/token-binding.js';
import { LONGEST_STATEMENT_MS } from '../workflows/missing-approvals.js';
import type { ProgressStatus } from '../workflows/messages.js';
import type { TokenStatement } from '../workflows/signed-statements.js';
import { askToken, type TokenSource } from './ask-token.js';
import { signText, type Signed } from './sign-with-ssh.js';

export interface ApprovalText {
  status: ProgressStatus;
  requestId: string;
  by: string;
  group: string | null;
  /** As `reasonToSign` has it. */
  reason: string | null;
  expiresMs: number;
}

export interface ApprovalWish extends ApprovalText {
  /** Private key, or the public half of one that the agent has. */
  keyFile: string;
}

/** Throws UserError (exit 2) when the key cannot sign. */
export async function signApproval(wish: ApprovalWish): Promise<Signed> {
  const nonce = randomUUID();
  const { status, reason, keyFile } = wish;
  const proof = status.approving?.mustSign === true ? 'ssh' : 'unverified';
  const statement = await signText(textOf(wish, nonce), { namespace: APPROVAL_NAMESPACE, keyFile });
  return { statement, nonce, reason, proof };
}

/** An approval with a token instead of a signature. */
export interface GivenByToken extends Omit<Signed, 'statement' | 'proof'> {
  statement: TokenStatement;
  proof: 'oidc' | 'unverified';
}

/** Throws UserError (exit 2, or 5 when there is nobody to ask for a token). */
export async function approveByToken(wish: ApprovalText, source: TokenSource): Promise<GivenByToken> {
  const nonce = randomUUID();
  const payload = textOf(wish, nonce);
  const token = await askToken(bindingOf(payload), source);
  const { status, reason } = wish;
  const proof = status.approving?.byToken !== undefined ? 'oidc' : 'unverified';
  return { statement: { scheme: 'oidc', payload, token }, nonce, reason, proof };
}

function textOf({ status, requestId, by, group, reason, expiresMs }: ApprovalText, nonce: string): string {
  return writeApproval({
    slipway: 'approval/2',
    decision: 'approve',
    pipeline: status.pipeline,
    environment: status.environment,
    requestId,
    version: status.version,
    commit: status.commit.sha,
    planHash: status.planHash,
    digests: status.artifacts.map(({ digest }) => digest),
    by,
    group,
    reason,
    nonce,
    expires: new Date(Date.now() + Math.min(expiresMs, LONGEST_STATEMENT_MS)).toISOString(),
  });
}
