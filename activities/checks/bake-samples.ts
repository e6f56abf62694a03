/** What a bake has seen of each check so far, and what that means. Pure. */
import { z } from 'zod';
import type { BakePlan, CheckPlan } from '../../pipeline/plan.js';
import type { CheckOutcome } from '../../workflows/activity-contract.js';
import { LOG_COUNT } from './log-count.js';
import { combineVerdicts } from './run-checks.js';

const TALLY = z.object({
  good: z.number(),
  bad: z.number(),
  unanswered: z.number(),
  badInARow: z.number(),
  unansweredInARow: z.number(),
  /** Words of the last sample that was not good, else of the last one. */
  detail: z.string(),
  /** How long the newest answers took, where the check says how long they may. */
  tookMs: z.array(z.number()).default([]),
});

export type Tally = z.infer<typeof TALLY>;

/** Heartbeat details: a worker that takes over goes on counting. */
export const BAKE_PROGRESS = z.object({
  elapsedMs: z.number().nonnegative(),
  tallies: z.record(z.string(), TALLY),
  /** Of checks of logs. */
  logs: z.record(z.string(), LOG_COUNT).default({}),
});

export type BakeProgress = z.infer<typeof BAKE_PROGRESS>;

const DETAIL_CHARACTERS = 300;
/** Answers a percentile is taken of: at 10 s, those of a quarter of an hour. */
const NEWEST_ANSWERS = 100;
/** One slow answer of fewer is not one in twenty. */
const FEWEST_ANSWERS = 20;

export const NO_SAMPLES: Tally = {
  good: 0,
  bad: 0,
  unanswered: 0,
  badInARow: 0,
  unansweredInARow: 0,
  detail: 'never asked',
  tookMs: [],
};

/** A sample that could not be taken neither continues nor ends a row of bad ones: it is no evidence. */
export function countSample(tally: Tally, { verdict, detail }: CheckOutcome): Tally {
  const said = detail.slice(0, DETAIL_CHARACTERS);
  switch (verdict) {
    case 'passed':
      return {
        ...tally,
        good: tally.good + 1,
        badInARow: 0,
        unansweredInARow: 0,
        detail: tally.bad + tally.unanswered === 0 ? said : tally.detail,
      };
    case 'failed':
      return {
        ...tally,
        bad: tally.bad + 1,
        badInARow: tally.badInARow + 1,
        unansweredInARow: 0,
        detail: said,
      };
    case 'inconclusive':
      return {
        ...tally,
        unanswered: tally.unanswered + 1,
        unansweredInARow: tally.unansweredInARow + 1,
        detail: said,
      };
  }
}

/** What a sample is in the light of those before: good answers that have become too slow are a bad one. */
export function judgeSample(
  check: CheckPlan,
  tally: Tally,
  outcome: CheckOutcome,
): { tally: Tally; outcome: CheckOutcome } {
  const { tookMs: took, ...plain } = outcome;
  const withinMs = withinOf(check);
  if (withinMs === null || took === undefined) return { tally, outcome: plain };
  const tookMs = [...tally.tookMs, took].slice(-NEWEST_ANSWERS);
  const isSlow = tookMs.length >= FEWEST_ANSWERS && percentile95(tookMs) > withinMs;
  const detail = isSlow ? `${plain.detail}; ${sayPercentile(tookMs, withinMs)}` : plain.detail;
  const verdict = isSlow ? 'failed' : plain.verdict;
  return { tally: { ...tally, tookMs }, outcome: { ...plain, verdict, detail } };
}

function withinOf(check: CheckPlan): number | null {
  return check.kind === 'http' ? (check.withinMs ?? null) : null;
}

/** The nearest rank: of fewer than twenty it is the slowest. */
function percentile95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}

function sayPercentile(values: readonly number[], withinMs: number): string {
  return `95 % of ${values.length} answers within ${percentile95(values)}ms, at most ${withinMs}ms`;
}

/** Bad for good: so many in a row, or more than the whole bake may have. */
export function isBad(tally: Tally, bake: BakePlan): boolean {
  return tally.badInARow >= bake.failures || hasTooMany(tally, bake);
}

/** Also of those that are still to come; afterwards, of those that were answered. */
function hasTooMany({ bad, good }: Tally, { maxErrors, forMs, intervalMs }: BakePlan): boolean {
  if (maxErrors === undefined) return false;
  return bad > maxErrors * Math.max(bad + good, Math.floor(forMs / intervalMs));
}

/** `unknown` = never good, or at the end silent for as long as a failure would have taken to count. */
export function judgeTally(plan: CheckPlan, tally: Tally, bake: BakePlan): CheckOutcome {
  const check = plan.name;
  const { failures, maxErrors } = bake;
  const asked = tally.good + tally.bad + tally.unanswered;
  const silence = tally.unanswered === 0 ? '' : `, ${tally.unanswered} unanswered`;
  const counts = `${tally.good} of ${asked} samples good${silence}`;
  if (tally.badInARow >= failures) {
    return { check, verdict: 'failed', detail: `${tally.detail}; ${tally.badInARow} bad samples in a row` };
  }
  const answered = tally.good + tally.bad;
  if (maxErrors !== undefined && (hasTooMany(tally, bake) || tally.bad > maxErrors * answered)) {
    const share = `${tally.bad} of ${answered} samples bad, at most ${maxErrors * 100} %`;
    return { check, verdict: 'failed', detail: `${tally.detail}; ${share}` };
  }
  const withinMs = withinOf(plan);
  if (withinMs !== null && percentile95(tally.tookMs) > withinMs)
    return { check, verdict: 'failed', detail: sayPercentile(tally.tookMs, withinMs) };
  const silent = tally.good === 0 || tally.unansweredInARow >= failures;
  return { check, verdict: silent ? 'inconclusive' : 'passed', detail: `${tally.detail}; ${counts}` };
}

export function judgeTallies(
  tallies: ReadonlyMap<string, Tally>,
  bake: BakePlan,
): { verdict: ReturnType<typeof combineVerdicts>; outcomes: CheckOutcome[] } {
  const outcomes = bake.checks.map((check) => judgeTally(check, tallies.get(check.name) ?? NO_SAMPLES, bake));
  return { verdict: combineVerdicts(outcomes), outcomes };
}
