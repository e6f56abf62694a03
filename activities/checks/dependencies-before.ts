/** What the environment depends on, asked before anything is touched: a release cannot be well without it. */
import type { CheckOutcome, PreflightFinding, Target } from '../../workflows/activity-contract.js';
import { runChecks } from './run-checks.js';
import { withChecks, type CheckDependencies } from './watching.js';

/** It runs already, so it has no time to start; a blink is forgiven. */
const TRIES_AGAIN = 2;

/**
 * One finding per check of `dependencies`. What says no is a problem; what could not be asked is a warning, since
 * before a first release there is nothing to ask from.
 */
export type LookAtDependencies = (target: Target) => Promise<PreflightFinding[]>;

/** To be called within an activity. */
export function createLookAtDependencies(dependencies: CheckDependencies): LookAtDependencies {
  return async (target) => {
    const { plan, live } = target;
    if (plan.dependencies.length === 0) return [];
    const checks = plan.dependencies.map((check) => ({
      ...check,
      startPeriodMs: 0,
      retries: Math.min(check.retries, TRIES_AGAIN),
    }));
    const colour = live?.colour ?? target.colour;
    const watch = { target, checks, colour, at: 'traffic', baseline: {} } as const;
    const outcomes = await withChecks(dependencies, watch, (context) =>
      runChecks({ checks, context, elapsedMs: 0 }),
    );
    return outcomes.map((outcome) => findingOf(outcome, plan.name));
  };
}

function findingOf({ check, verdict, detail }: CheckOutcome, where: string): PreflightFinding {
  const thing = `dependency ${check}`;
  switch (verdict) {
    case 'passed':
      return { where, thing, state: 'ok', message: detail, wayOut: null };
    case 'failed':
      return {
        where,
        thing,
        state: 'problem',
        message: `${check}: ${detail}`,
        wayOut: `see that ${check} is up and can be reached, then release again`,
      };
    case 'inconclusive':
      return { where, thing, state: 'warning', message: `could not be asked: ${detail}`, wayOut: null };
  }
}
