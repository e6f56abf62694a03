/** What a person signs who switches traffic, brings a release back, or freezes an environment. */
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';
import type { DecisionSubject } from './plan.js';
import { inBothForms, readStatement } from './signed-statement.js';

/** `ssh-keygen -n`: neither an approval nor a force is one of these. */
export const DECISION_NAMESPACE = 'decision@slipway';

const release = z.strictObject({
  version: z.string(),
  commit: z.string(),
  planHash: z.string(),
  digests: z.array(z.string()),
});

const decisionStatement = inBothForms('decision', {
  decision: z.enum(['switch', 'rollback', 'freeze', 'unfreeze']),
  pipeline: z.string(),
  environment: z.string(),
  requestId: z.string(),
  token: z.number().nullable(),
  release: release.nullable(),
  until: z.string().nullable(),
  /** Older workers take a statement with it for none. */
  restoreDatabase: z.string().min(1).exactOptional(),
  /** As allowed_signers names the person. */
  by: z.string(),
  nonce: z.string().min(8),
  /** ISO time after which it is void. */
  expires: z.iso.datetime(),
});

export type DecisionStatement = DecisionSubject & z.infer<typeof decisionStatement>;

/** The bytes that are signed. */
export function writeDecision(statement: DecisionStatement): string {
  return canonicalize(statement);
}

/** null = it is no decision, or not written as one. */
export function readDecision(payload: string): DecisionStatement | null {
  return readStatement(decisionStatement, payload);
}
