import { createHash } from 'node:crypto';
import { canonicalize } from 'json-canonicalize';

/** sha256 (hex) over the canonical JSON (RFC 8785) of a plan without its own `planHash`. */
export function hashPlan(plan: object): string {
  const hashed: Record<string, unknown> = { ...plan };
  delete hashed['planHash'];
  return createHash('sha256').update(canonicalize(hashed)).digest('hex');
}

/** The plan with its hash. */
export function seal<P extends object>(plan: P): P & { planHash: string } {
  return { ...plan, planHash: hashPlan(plan) };
}
