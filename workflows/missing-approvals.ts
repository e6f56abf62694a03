/** Which slots of the rules are still open, whoever fills which. Pure: workers and workflows count in the same way. */
import type { ApprovalRule } from '../pipeline/plan.js';

/** A signed statement is void after this long, however patient the rules are. */
export const LONGEST_STATEMENT_MS = 72 * 3_600_000;

/** How a person's approval is known to be theirs. */
export type Proof = 'ssh' | 'oidc' | 'unverified' | GithubProof;
/** Given on GitHub: a review of a pull request, or of a GitHub environment. */
export type GithubProof = 'github-review' | 'github-environment';

export interface Approval {
  by: string;
  /** null = any group. */
  group: string | null;
  at: string;
  /** As a worker verified it; absent where nothing is protected, and what anybody says counts. */
  proof?: Proof;
  /** On GitHub: the branch or the environment that it is about. */
  of?: string | null;
  /** Why: as it was signed, or of an unsigned one as whoever sent it wrote it; absent = not said. */
  reason?: string;
}

/** Open slots of one kind: of those who say it here, by signature or by token, or of those who say it on GitHub. */
export interface MissingApprovals {
  /** null = anybody. */
  group: string | null;
  missing: number;
  by?: GithubProof | 'oidc';
  of?: string | null;
}

/** The proof that only GitHub gives; null = the rule asks people here. */
export function githubProof(by: string | undefined): GithubProof | null {
  return by === 'github-review' || by === 'github-environment' ? by : null;
}

/** A worker has seen who it was, and knows the groups. */
export function isSigned(proof: string | undefined): boolean {
  return proof === 'ssh' || proof === 'oidc';
}

/** Empty = approved. A person fills one slot only, the one where it helps most, also when they approved several times. */
export function missingApprovals(rules: ApprovalRule[], approvals: Approval[]): MissingApprovals[] {
  const slots = rules.flatMap((rule) => Array<ApprovalRule>(rule.count).fill(rule));
  const inOrder = slots.map((_, index) => index);
  const ofGroupsFirst = inOrder.toSorted(
    (a, b) => Number(slots[a]?.group === null) - Number(slots[b]?.group === null),
  );
  const holders = new Map<number, Approval[]>();

  /** Takes a free slot, or one whose holder can move to another; a member leaves to others what anybody can fill. */
  const seat = (given: Approval[], refused: Set<number>): boolean => {
    for (const index of isMember(given) ? ofGroupsFirst : inOrder) {
      const rule = slots[index];
      if (rule === undefined || refused.has(index) || !given.some((approval) => fills(approval, rule)))
        continue;
      refused.add(index);
      const holder = holders.get(index);
      if (holder !== undefined && !seat(holder, refused)) continue;
      holders.set(index, given);
      return true;
    }
    return false;
  };
  for (const given of people(approvals)) seat(given, new Set());

  const open = new Map(rules.map((rule) => [keyOf(rule), slotOf(rule)]));
  for (const [index, rule] of slots.entries()) {
    const slot = open.get(keyOf(rule));
    if (slot !== undefined && !holders.has(index)) slot.missing += 1;
  }
  return [...open.values()].filter(({ missing }) => missing > 0);
}

/** Is less missing with it than without? What helps nobody now never does. */
export function fillsOpenSlot(rules: ApprovalRule[], approvals: Approval[], said: Approval): boolean {
  const count = (given: Approval[]): number =>
    missingApprovals(rules, given).reduce((sum, { missing }) => sum + missing, 0);
  return count([...approvals, said]) < count(approvals);
}

/** Is this what the rule asks for? */
export function isOfRule(slot: MissingApprovals, rule: ApprovalRule): boolean {
  return JSON.stringify({ ...slot, missing: 0 }) === keyOf(rule);
}

function keyOf(rule: ApprovalRule): string {
  return JSON.stringify(slotOf(rule));
}

function slotOf({ group, by, of }: ApprovalRule): MissingApprovals {
  if (by === 'oidc') return { group, missing: 0, by };
  const proof = githubProof(by);
  return proof === null ? { group, missing: 0 } : { group, missing: 0, by: proof, of };
}

/** What each person gave; those who speak for a group come first, since others fill what is left. */
function people(approvals: Approval[]): Approval[][] {
  const byName = new Map<string, Approval[]>();
  for (const approval of approvals) {
    const name = approval.by.toLowerCase();
    byName.set(name, [...(byName.get(name) ?? []), approval]);
  }
  const all = [...byName.values()];
  return [...all.filter(isMember), ...all.filter((given) => !isMember(given))];
}

function isMember(given: Approval[]): boolean {
  return given.some(({ group }) => group !== null);
}

function fills({ group, proof, of = null }: Approval, rule: ApprovalRule): boolean {
  const asked = githubProof(rule.by);
  if (asked !== null || githubProof(proof) !== null)
    return asked === proof && of === rule.of && (rule.group === null || group === rule.group);
  if (proof === 'unverified' && rule.by !== 'unverified') return false;
  if (isSigned(proof) && isSigned(rule.by) && proof !== rule.by) return false;
  // where groups are known, who is in none fills none of theirs
  return rule.group === null || group === rule.group || (group === null && !isSigned(proof));
}
