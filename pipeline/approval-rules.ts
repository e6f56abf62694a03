/** Rules of approval as either file writes them, and as a plan has them. */
import type { z } from 'zod';
import type { ApprovalRule } from './plan.js';
import type { Policy } from './policy-file.js';
import type { approvals } from './schema-environment.js';

const EXPIRES_MS = 72 * 3_600_000;

type Approvals = z.output<typeof approvals>;
export type ApprovalSetting = Exclude<Approvals, number>[number];

/** `approvals: 2` is one rule for anyone. */
export function rulesOf({ approvals }: { approvals?: Approvals | undefined }): ApprovalSetting[] {
  if (approvals === undefined || approvals === 0) return [];
  return typeof approvals === 'number' ? [{ count: approvals }] : approvals;
}

/** Who can give such an approval with a token, as the policy names them. */
export function tokenHolders({ oidc = [] }: Pick<Policy, 'oidc'>): string[] {
  return oidc.flatMap(({ who }) => who.map(({ name }) => name));
}

export function isGivenOnGithub(by: ApprovalSetting['by']): boolean {
  return by === 'github-review' || by === 'github-environment';
}

/** With what a rule means that does not say it: a GitHub environment is the one of the same name. */
export function completeRule(
  { count, group, by = 'ssh', of, expires }: ApprovalSetting,
  environment: string,
): ApprovalRule {
  return {
    count,
    group: group ?? null,
    by,
    of: of ?? (by === 'github-environment' ? environment : null),
    expiresMs: expires ?? EXPIRES_MS,
  };
}
