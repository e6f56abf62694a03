/** Right before traffic moves: is the colour it goes to well? It was verified already, perhaps a day ago. */
import type { CheckPlan, Colour } from '../../pipeline/plan.js';
import type { CheckOutcome, Target } from '../../workflows/activity-contract.js';
import { runChecks } from '../checks/run-checks.js';
import { refused } from '../failure.js';
import type { TrafficDependencies } from './open-traffic.js';

type HttpCheckPlan = Extract<CheckPlan, { kind: 'http' }>;

const TRIES_AFTER_THE_FIRST = 2;
const LONGEST_PAUSE_MS = 500;

/** Checks that ask the colour itself and answer in a moment; commands and queries had their say in `verify`. */
export function lastLookChecks(checks: CheckPlan[]): HttpCheckPlan[] {
  return checks
    .filter((check): check is HttpCheckPlan => check.kind === 'http')
    .map((check) => ({
      ...check,
      retries: Math.min(check.retries, TRIES_AFTER_THE_FIRST),
      intervalMs: Math.min(check.intervalMs, LONGEST_PAUSE_MS),
      startPeriodMs: 0,
    }));
}

/**
 * Throws Refused when a check says no, and when one could not be asked: sending traffic to a colour nobody can see
 * is not better than leaving it where it is.
 */
export async function requireHealthy(
  { hosts, secrets }: TrafficDependencies,
  target: Target,
  colour: Colour,
  signal: AbortSignal,
): Promise<void> {
  const { plan } = target;
  const outcomes = await runChecks({
    checks: lastLookChecks(plan.checks),
    elapsedMs: 0,
    context: {
      target,
      colour,
      at: 'colour',
      openHost: (host) => hosts.open(plan, host),
      secrets,
      env: {},
      checkout: null,
      baseline: {},
      // how fast it answers was judged in `verify`
      sampling: true,
      deployedMsAgo: () => null,
      newLogs: () => Promise.resolve([]),
      databaseRevision: () => Promise.reject(new Error('no database')),
      newestMigrations: () => Promise.reject(new Error('no migrations')),
      logCounts: new Map(),
      signal,
    },
  });
  const sick = outcomes.filter(({ verdict }) => verdict !== 'passed');
  if (sick.length === 0) return;
  throw refused({
    what: `traffic stays: ${colour} is not well (${sick.map(describe).join('; ')})`,
    where: plan.name,
    why: null,
    wayOut: `see why with slipway logs ${plan.name}, then switch again`,
  });
}

function describe({ check, detail }: CheckOutcome): string {
  return `${check}: ${detail}`;
}
