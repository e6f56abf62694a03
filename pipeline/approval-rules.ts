/** Rules of approval as either file writes them, and as a plan has them. */
import type { z } from 'zod';
import type { ApprovalRule } from './plan.js';
import type { approvals } from './schema-environment.js';

const EXPIRES_MS = 72 * 3_600_000;

type Approvals = z.output<typeof approvals>;
export type ApprovalSetting = Exclude<Approvals, number>[number];

/** `approvals: 2` is one rule for anyone. */
export function rulesOf({ approvals }: { approvals?: Approvals | undefined }): ApprovalSetting[] {
  if (approvals === undefined || approvals === 0) return [];
  return typeof approvals === 'number' ? [{ count: approvals }] : approvals;
}

/** With what a rule means that does not say it. */
export function completeRule({ count, group, by, of, expires }: ApprovalSetting): ApprovalRule {
  return {
    count,
    group: group ?? null,
    by: by ?? 'ssh',
    of: of ?? null,
    expiresMs: expires ?? EXPIRES_MS,
  };
}
