/** How long the word of a gate counts: what a scanner found clean a month ago it may not find clean today. Pure. */
import { formatDuration } from './durations.js';
import type { EnvironmentPlan } from './plan.js';
import type { EnvironmentPolicy } from './policy-file.js';

/** Half of it, after which gates are asked again, is longer than the 72 hours people have to approve. */
const DEFAULT_WITHIN_MS = 7 * 24 * 3_600_000;

export function evidenceWithin(rules: EnvironmentPolicy): number {
  return rules['evidence-within'] ?? DEFAULT_WITHIN_MS;
}

/** For a plan with gates. */
export function compileEvidenceAge(
  { gates }: Pick<EnvironmentPlan, 'gates'>,
  rules: EnvironmentPolicy,
): { evidenceWithinMs?: number } {
  return gates.length === 0 ? {} : { evidenceWithinMs: evidenceWithin(rules) };
}

/** Why no gate could be young enough when the wait is over; empty = it can. */
export function findEndlessWait({
  waitMs,
  evidenceWithinMs,
}: Pick<EnvironmentPlan, 'waitMs' | 'evidenceWithinMs'>): string[] {
  if (evidenceWithinMs === undefined || waitMs * 2 <= evidenceWithinMs) return [];
  return [
    `it waits ${formatDuration(waitMs)} after its gates, whose word counts for ${formatDuration(evidenceWithinMs)} (evidence-within): a wait of more than half of that is not allowed`,
  ];
}

/** Of a policy's own words: no pipeline with gates could fulfil both. */
export function findEndlessWaitOf({ wait = 0, ...rules }: EnvironmentPolicy): string[] {
  const named = rules['evidence-within'];
  return named === undefined ? [] : findEndlessWait({ waitMs: wait, evidenceWithinMs: named });
}

export function describeEvidenceAge(withinMs: number): string {
  return `gates count for ${formatDuration(withinMs)}`;
}
