/** What a person signs who lets a release pass a gate that says no: which gate of which release, why, and by which ticket. */
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';
import { LONGEST_REASON, readStatement } from './signed-statement.js';

/** `ssh-keygen -n`: an approval is no force, and a force is no approval. */
export const FORCE_NAMESPACE = 'force@slipway';

const forceStatement = z.strictObject({
  slipway: z.literal('force/1'),
  pipeline: z.string(),
  gate: z.string(),
  /** All that the release goes to; it counts for no other. */
  environments: z.array(z.string()),
  /** Of the release, so that it counts for this one only. */
  requestId: z.string(),
  version: z.string(),
  commit: z.string(),
  /** On every screen for as long as the release may be live. */
  reason: z.string().max(LONGEST_REASON),
  ticket: z.string().max(100),
  /** As allowed_signers names the person. */
  by: z.string(),
  nonce: z.string().min(8),
  /** ISO time after which it is void. */
  expires: z.iso.datetime(),
});

export type ForceStatement = z.infer<typeof forceStatement>;

/** The bytes that are signed. */
export function writeForce(statement: ForceStatement): string {
  return canonicalize(statement);
}

/** null = it is no force, or not written as one. */
export function readForce(payload: string): ForceStatement | null {
  return readStatement(forceStatement, payload);
}
