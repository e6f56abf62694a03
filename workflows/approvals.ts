/** When approvals are complete and when they are no longer waited for. Pure; who may approve is decisions.ts's. */
import type { ApprovalRule } from '../pipeline/plan.js';
import { missingApprovals, type Approval } from './decisions.js';
import type { EvidenceItem } from './result.js';

export interface OpenApprovals {
  missing: { group: string | null; missing: number }[];
  /** The first rule still open ends the wait; null = nothing is missing. */
  expiresMs: number | null;
}

/** `sinceMs` is when the approvals were asked for. */
export function openApprovals(rules: ApprovalRule[], approvals: Approval[], sinceMs: number): OpenApprovals {
  const missing = missingApprovals(rules, approvals);
  const groups = missing.map(({ group }) => group);
  const ends = rules
    .filter((rule) => rule.count > 0 && groups.includes(rule.group))
    .map((rule) => sinceMs + rule.expiresMs);
  return { missing, expiresMs: ends.length === 0 ? null : Math.min(...ends) };
}

/** `2 approvals (platform, anybody)`. */
export function describeMissing(missing: OpenApprovals['missing']): string {
  const count = missing.reduce((sum, slot) => sum + slot.missing, 0);
  const groups = missing.map(({ group, missing: slots }) =>
    slots === 1 ? (group ?? 'anybody') : `${slots} of ${group ?? 'anybody'}`,
  );
  return `${count} ${count === 1 ? 'approval' : 'approvals'} (${groups.join(', ')})`;
}

export function approvalEvidence(approval: Approval): EvidenceItem {
  return {
    kind: 'approval',
    name: approval.group === null ? 'approval' : `approval of ${approval.group}`,
    verdict: 'approved',
    by: approval.by,
    at: approval.at,
    note: 'identity: unverified',
  };
}
