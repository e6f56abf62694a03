/** What a pipeline file and the worker's policy ask for together, by way of approvals. Pure. */
import type { AppliedRule, ApprovalRule } from './plan.js';

function isSameKind(a: ApprovalRule, b: ApprovalRule): boolean {
  return a.group === b.group && a.of === b.of && (a.by === b.by || [a, b].every(asksPeople));
}

/** Here and now; of two such rules one may be content with less proof. */
function asksPeople({ by }: ApprovalRule): boolean {
  return by === 'ssh' || by === 'unverified';
}

/** Each rule of either side; what both ask for is asked for once, as often and as provably as the stricter says. */
export function mergeApprovals(inFile: ApprovalRule[], inPolicy: ApprovalRule[]): ApprovalRule[] {
  const ofPolicy = inPolicy.map((rule): ApprovalRule => {
    const same = inFile.filter((other) => isSameKind(rule, other));
    const all = [rule, ...same];
    return {
      ...rule,
      count: Math.max(...all.map(({ count }) => count)),
      by: all.some(({ by }) => by === 'ssh') ? 'ssh' : rule.by,
      expiresMs: Math.min(...all.map(({ expiresMs }) => expiresMs)),
    };
  });
  const all = [...ofPolicy, ...inFile.filter((rule) => !inPolicy.some((other) => isSameKind(rule, other)))];
  return countGroups(all, [inFile, inPolicy]);
}

/**
 * Whoever fills the slot of a group on one side is one of anybody on the other: each side gets as many people as it asks
 * for, and nobody has to be found twice.
 */
function countGroups(rules: ApprovalRule[], sides: ApprovalRule[][]): ApprovalRule[] {
  const anybody = rules.find((rule) => rule.group === null && rule.count > 0 && asksPeople(rule));
  if (anybody === undefined) return rules;
  const people = (of: ApprovalRule[]): number =>
    of.filter(asksPeople).reduce((sum, { count }) => sum + count, 0);
  const isAsGood = (rule: ApprovalRule): boolean =>
    rule.group !== null && asksPeople(rule) && (rule.by === 'ssh' || rule.by === anybody.by);
  const left = Math.max(...sides.map(people)) - people(rules.filter(isAsGood));
  const count = Math.max(0, Math.min(anybody.count, left));
  return rules.flatMap((rule) => {
    if (rule === anybody) return count === 0 ? [] : [{ ...rule, count }];
    if (count > 0 || !isAsGood(rule)) return [rule];
    return [{ ...rule, expiresMs: Math.min(rule.expiresMs, anybody.expiresMs) }];
  });
}

/** Which side asks for a rule of the merged ones. */
export function originOf(
  rule: ApprovalRule,
  inFile: ApprovalRule[],
  inPolicy: ApprovalRule[],
): AppliedRule['from'] {
  const asks = (list: ApprovalRule[]): boolean =>
    list.some((other) => isSameKind(rule, other) && other.count >= rule.count);
  return asks(inFile) && asks(inPolicy) ? 'both' : asks(inPolicy) ? 'policy' : 'pipeline file';
}
