/** All checks at once, each tried until it passes or its tries are used up. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckPlan } from '../../pipeline/plan.js';
import type { CheckOutcome, VerifyResult } from '../../workflows/activity-contract.js';
import { askCheck, type AskCheck } from './ask-check.js';
import type { CheckContext } from './check.js';

type Verdict = VerifyResult['verdict'];

export interface RunChecks {
  checks: CheckPlan[];
  context: CheckContext;
  /** Part of the start periods that is over, from an earlier attempt of the same activity. */
  elapsedMs: number;
  /** Replaced in unit tests. */
  ask?: AskCheck;
}

/** In the order of `checks`. The first final failure stops the others: the verdict cannot change any more. */
export async function runChecks(input: RunChecks): Promise<CheckOutcome[]> {
  const { checks, context } = input;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const outcomes = new Map<string, CheckOutcome>();
  const broken: unknown[] = [];
  await Promise.all(
    checks.map(async (check) => {
      try {
        const outcome = await tryUntilGood(check, { ...context, signal }, input);
        outcomes.set(check.name, outcome);
        if (outcome.verdict === 'failed') stop.abort(new Error(`${check.name} has failed`));
      } catch (error) {
        // what was stopped says so; anything else is a plan that cannot be carried out
        if (!signal.aborted) broken.push(error);
        stop.abort(error);
      }
    }),
  );
  context.signal.throwIfAborted();
  if (broken.length > 0) throw broken[0];
  return checks.map(
    ({ name }) => outcomes.get(name) ?? { check: name, verdict: 'inconclusive', detail: 'not waited for' },
  );
}

async function tryUntilGood(
  check: CheckPlan,
  context: CheckContext,
  { elapsedMs, ask = askCheck }: RunChecks,
): Promise<CheckOutcome> {
  const startedAt = performance.now() - elapsedMs;
  for (let counted = 0; ;) {
    const outcome = await ask(check, context);
    if (outcome.verdict === 'passed') return outcome;
    // a try that ends inside the start period is not counted
    if (performance.now() - startedAt >= check.startPeriodMs) counted += 1;
    if (counted > check.retries) {
      return counted === 1 ? outcome : { ...outcome, detail: `${outcome.detail} (${counted} times)` };
    }
    await sleep(check.intervalMs, undefined, { signal: context.signal });
  }
}

/** One failed check decides; else one that could not be asked; no checks at all is a pass. */
export function combineVerdicts(outcomes: CheckOutcome[]): Verdict {
  if (outcomes.some(({ verdict }) => verdict === 'failed')) return 'failed';
  return outcomes.some(({ verdict }) => verdict === 'inconclusive') ? 'inconclusive' : 'passed';
}

/** One line for people: what is wrong, else every check's own words. */
export function describeOutcomes(outcomes: CheckOutcome[]): string {
  if (outcomes.length === 0) return 'no checks';
  const wrong = outcomes.filter(({ verdict }) => verdict !== 'passed');
  const shown = wrong.length > 0 ? wrong : outcomes;
  return shown.map(({ check, detail }) => `${check}: ${detail}`).join('; ');
}
