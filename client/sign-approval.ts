/** An approval, signed with the person's SSH key. */
import { randomUUID } from 'node:crypto';
import { APPROVAL_NAMESPACE, writeApproval } from '../pipeline/approval-statement.js';
import { LONGEST_STATEMENT_MS } from '../workflows/missing-approvals.js';
import type { ProgressStatus } from '../workflows/messages.js';
import { signText, type Signed } from './sign-with-ssh.js';

export interface ApprovalWish {
  status: ProgressStatus;
  requestId: string;
  by: string;
  group: string | null;
  /** As `reasonToSign` has it. */
  reason: string | null;
  expiresMs: number;
  /** Private key, or the public half of one that the agent has. */
  keyFile: string;
}

/** Throws UserError (exit 2) when the key cannot sign. */
export async function signApproval(wish: ApprovalWish): Promise<Signed> {
  const { status, requestId, by, group, reason, expiresMs, keyFile } = wish;
  const nonce = randomUUID();
  const payload = writeApproval({
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
  const proof = status.approving?.mustSign === true ? 'ssh' : 'unverified';
  const statement = await signText(payload, { namespace: APPROVAL_NAMESPACE, keyFile });
  return { statement, nonce, reason, proof };
}
