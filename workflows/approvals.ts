/** When approvals are complete and when they are no longer waited for. Pure; who may approve is decisions.ts's. */
import type { ApprovalRule } from '../pipeline/plan.js';
import {
  githubProof,
  isOfRule,
  missingApprovals,
  type Approval,
  type MissingApprovals,
} from './missing-approvals.js';
import { shortReason } from './plain-text.js';
import type { EvidenceItem } from './result.js';

export interface OpenApprovals {
  missing: MissingApprovals[];
  /** The first rule still open ends the wait; null = nothing is missing. */
  expiresMs: number | null;
}

/** `sinceMs` is when the approvals were asked for. */
export function openApprovals(rules: ApprovalRule[], approvals: Approval[], sinceMs: number): OpenApprovals {
  const missing = missingApprovals(rules, approvals);
  const ends = rules
    .filter((rule) => rule.count > 0 && missing.some((slot) => isOfRule(slot, rule)))
    .map((rule) => sinceMs + rule.expiresMs);
  return { missing, expiresMs: ends.length === 0 ? null : Math.min(...ends) };
}

/** `2 reviews of main (platform), 2 approvals (platform, anybody)`. */
export function describeMissing(missing: MissingApprovals[]): string {
  const here = missing.filter(({ by }) => githubProof(by) === null);
  const there = missing.filter(({ by }) => githubProof(by) !== null).map(describeReviews);
  if (here.length === 0) return there.join(', ');
  const count = here.reduce((sum, slot) => sum + slot.missing, 0);
  const groups = here.map((slot) =>
    slot.missing === 1 ? whoseWord(slot) : `${slot.missing} of ${whoseWord(slot)}`,
  );
  return [...there, `${plural(count, 'approval')} (${groups.join(', ')})`].join(', ');
}

/** `platform`, `anybody`, `ci by token`. */
export function whoseWord({ group, by }: Pick<MissingApprovals, 'group' | 'by'>): string {
  return `${group ?? 'anybody'}${by === 'oidc' ? ' by token' : ''}`;
}

/** `2 of platform`, `1 review of main`. */
export function describeRule({ count, group, by, of }: ApprovalRule): string {
  const proof = githubProof(by);
  if (proof === null) return `${count} of ${whoseWord(by === 'oidc' ? { group, by } : { group })}`;
  return describeReviews({ missing: count, group, by: proof, of });
}

function describeReviews({ missing, group, by, of = null }: MissingApprovals): string {
  const thing = by === 'github-environment' ? 'GitHub environment' : '';
  const what = [plural(missing, 'review'), 'of', thing, of ?? 'the pull request'].filter(
    (each) => each !== '',
  );
  return `${what.join(' ')}${group === null ? '' : ` (${group})`}`;
}

/** Why nobody's word here helps: what is missing is given on GitHub. */
export function refuseToSayHere(missing: MissingApprovals[]): string {
  const places = new Set(
    missing.map(({ by, of }) =>
      by === 'github-environment'
        ? `review the deployment to ${of ?? 'the environment'} in its workflow run`
        : `review the pull request${of == null ? '' : ` into ${of}`}`,
    ),
  );
  return `only ${describeMissing(missing)} is missing, which is given on GitHub: ${[...places].join(', ')}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Why somebody approves. */
export function givenReason(given: string | null): Pick<Approval, 'reason'> {
  const reason = shortReason(given);
  return reason === null ? {} : { reason };
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
