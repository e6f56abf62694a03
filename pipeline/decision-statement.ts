/** What a person signs who switches traffic, brings a release back, or freezes an environment. */
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';
import type { DecisionSubject } from './plan.js';
import { readStatement, signedReason } from './signed-statement.js';

/** `ssh-keygen -n`: neither an approval nor a force is one of these. */
export const DECISION_NAMESPACE = 'decision@slipway';

const release = z.strictObject({
  version: z.string(),
  commit: z.string(),
  planHash: z.string(),
  digests: z.array(z.string()),
});

const bound = {
  decision: z.enum(['switch', 'rollback', 'freeze', 'unfreeze']),
  pipeline: z.string(),
  environment: z.string(),
  requestId: z.string(),
  token: z.number().nullable(),
  release: release.nullable(),
  until: z.string().nullable(),
  /** As allowed_signers names the person. */
  by: z.string(),
  nonce: z.string().min(8),
  /** ISO time after which it is void. */
  expires: z.iso.datetime(),
};

const decisionStatement = z.discriminatedUnion('slipway', [
  z.strictObject({ slipway: z.literal('decision/2'), ...bound, reason: signedReason }),
  /** From before reasons were signed; it counts as it did. */
  z.strictObject({ slipway: z.literal('decision/1'), ...bound }),
]);

export type DecisionStatement = DecisionSubject & z.infer<typeof decisionStatement>;

/** The bytes that are signed. */
export function writeDecision(statement: DecisionStatement): string {
  return canonicalize(statement);
}

/** null = it is no decision, or not written as one. */
export function readDecision(payload: string): DecisionStatement | null {
  return readStatement(decisionStatement, payload);
}
