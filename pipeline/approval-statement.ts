/** What a person signs when they approve: everything the approval is bound to. If any of it changes, it is void. */
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';
import { inBothForms, readStatement } from './signed-statement.js';

/** `ssh-keygen -n`: a signature made for anything else is none here. */
export const APPROVAL_NAMESPACE = 'approval@slipway';

const approvalStatement = inBothForms('approval', {
  decision: z.literal('approve'),
  pipeline: z.string(),
  environment: z.string(),
  /** Of the release, so that it counts for this one only. */
  requestId: z.string(),
  version: z.string(),
  commit: z.string(),
  planHash: z.string(),
  digests: z.array(z.string()),
  /** As allowed_signers names the person. */
  by: z.string(),
  /** null = the person's own, whichever is asked for. */
  group: z.string().nullable(),
  nonce: z.string().min(8),
  /** ISO time after which it is void. */
  expires: z.iso.datetime(),
});

export type ApprovalStatement = z.infer<typeof approvalStatement>;

/** The bytes that are signed. */
export function writeApproval(statement: ApprovalStatement): string {
  return canonicalize(statement);
}

/** null = it is no approval, or not written as one. */
export function readApproval(payload: string): ApprovalStatement | null {
  return readStatement(approvalStatement, payload);
}
