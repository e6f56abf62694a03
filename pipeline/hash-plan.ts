import { createHash } from 'node:crypto';
import { canonicalize } from 'json-canonicalize';

/** sha256 (hex) over canonical JSON (RFC 8785). */
export function hashJson(value: unknown): string {
  return createHash('sha256').update(canonicalize(value)).digest('hex');
}

/** Hash of a plan without what is said about it: its own `planHash`, and the seals, also of its environments. */
export function hashPlan(plan: object): string {
  const hashed = withoutSeal(plan);
  delete hashed['planHash'];
  const { environments } = hashed;
  if (Array.isArray(environments))
    hashed['environments'] = environments.map((each: object) => withoutSeal(each));
  return hashJson(hashed);
}

function withoutSeal(plan: object): Record<string, unknown> {
  const rest: Record<string, unknown> = { ...plan };
  delete rest['seal'];
  return rest;
}

/** The plan with its hash. */
export function withHash<P extends object>(plan: P): P & { planHash: string } {
  return { ...plan, planHash: hashPlan(plan) };
}
