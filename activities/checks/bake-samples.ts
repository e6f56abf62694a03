/** What a bake has seen of each check so far, and what that means. Pure. */
import { z } from 'zod';
import type { CheckOutcome } from '../../workflows/activity-contract.js';
import { combineVerdicts } from './run-checks.js';

const TALLY = z.object({
  good: z.number(),
  bad: z.number(),
  unanswered: z.number(),
  badInARow: z.number(),
  unansweredInARow: z.number(),
  /** Words of the last sample that was not good, else of the last one. */
  detail: z.string(),
});

export type Tally = z.infer<typeof TALLY>;

/** Heartbeat details: a worker that takes over goes on counting. */
export const BAKE_PROGRESS = z.object({
  elapsedMs: z.number().nonnegative(),
  tallies: z.record(z.string(), TALLY),
});

export type BakeProgress = z.infer<typeof BAKE_PROGRESS>;

const DETAIL_CHARACTERS = 300;

export const NO_SAMPLES: Tally = {
  good: 0,
  bad: 0,
  unanswered: 0,
  badInARow: 0,
  unansweredInARow: 0,
  detail: 'never asked',
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

export function isBad(tally: Tally, failures: number): boolean {
  return tally.badInARow >= failures;
}

/** `unknown` = never good, or at the end silent for as long as a failure would have taken to count. */
export function judgeTally(check: string, tally: Tally, failures: number): CheckOutcome {
  const asked = tally.good + tally.bad + tally.unanswered;
  const silence = tally.unanswered === 0 ? '' : `, ${tally.unanswered} unanswered`;
  const counts = `${tally.good} of ${asked} samples good${silence}`;
  if (isBad(tally, failures)) {
    return { check, verdict: 'failed', detail: `${tally.detail}; ${tally.badInARow} bad samples in a row` };
  }
  const silent = tally.good === 0 || tally.unansweredInARow >= failures;
  return { check, verdict: silent ? 'inconclusive' : 'passed', detail: `${tally.detail}; ${counts}` };
}

export function judgeTallies(
  tallies: ReadonlyMap<string, Tally>,
  failures: number,
): { verdict: ReturnType<typeof combineVerdicts>; outcomes: CheckOutcome[] } {
  const outcomes = [...tallies].map(([check, tally]) => judgeTally(check, tally, failures));
  return { verdict: combineVerdicts(outcomes), outcomes };
}
