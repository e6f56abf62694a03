/** Watching the release with traffic: every check each `intervalMs`, until the time is over or one is bad for good. */
import { Context } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BakePlan, CheckPlan } from '../../pipeline/plan.js';
import type { Activities, VerifyResult } from '../../workflows/activity-contract.js';
import { heartbeatWhile } from '../cancellation.js';
import { checksHere } from '../../workflows/target-hosts.js';
import { askCheck } from './ask-check.js';
import {
  BAKE_PROGRESS,
  countSample,
  isBad,
  judgeSample,
  judgeTallies,
  NO_SAMPLES,
  type BakeProgress,
  type Tally,
} from './bake-samples.js';
import type { CheckContext } from './check.js';
import { describeOutcomes } from './run-checks.js';
import { readLogTail, withChecks, type CheckDependencies } from './watching.js';

/** The way back must not wait for a log: it is asked for at the first bad sample, and this is the most it may cost. */
const LOG_WITHIN_MS = 200;

export function createBake(dependencies: CheckDependencies): Activities['bake'] {
  return ({ target, colour, baseline, remainingMs, deployedMsAgo, soFar, share }) =>
    heartbeatWhile<VerifyResult, BakeProgress>(async (report) => {
      const { bake: whole } = target.plan;
      const planned = whole && { ...whole, checks: checksHere(target.plan, whole.checks) };
      if (planned === null) return { verdict: 'passed', note: 'no bake', outcomes: [], logTail: null };
      // what the proxy answers is of both colours while they share the users
      const bake = share === undefined ? planned : { ...planned, failures: 1 };
      const before = soFarOf(Context.current().info.heartbeatDetails) ?? soFarOf(soFar) ?? NOTHING_YET;
      const watch = {
        ...{ target, checks: bake.checks, colour, baseline, sampling: true, logCounts: before.logs },
        ...(deployedMsAgo === undefined ? {} : { deployedMsAgo }),
        at: share === undefined ? 'traffic' : 'colour',
      } as const;
      return await withChecks(dependencies, watch, async (context) => {
        let log: Promise<string | null> | null = null;
        const tallies = await watchChecks({
          bake,
          context,
          before,
          remainingMs,
          report,
          onBad: () => {
            log ??= readLogTail(dependencies, context, target.plan.timeoutMs).catch(() => null);
          },
        });
        const { verdict, outcomes } = judgeTallies(tallies, bake);
        const logTail = verdict === 'failed' && log !== null ? await soon(log) : null;
        return { verdict, note: describeOutcomes(outcomes), outcomes, logTail };
      });
    });
}

const NOTHING_YET: BakeProgress = { elapsedMs: 0, tallies: {}, logs: {} };

/** What an earlier attempt reported; null = nothing of ours. */
function soFarOf(details: unknown): BakeProgress | null {
  const parsed = BAKE_PROGRESS.safeParse(details);
  return parsed.success ? parsed.data : null;
}

async function watchChecks(input: {
  bake: BakePlan;
  context: CheckContext;
  before: BakeProgress;
  remainingMs: number;
  report: (progress: BakeProgress) => void;
  onBad: () => void;
}): Promise<Map<string, Tally>> {
  const { bake, context, before, remainingMs } = input;
  const tallies = new Map<string, Tally>(
    bake.checks.map(({ name }) => [name, before.tallies[name] ?? NO_SAMPLES]),
  );
  const startedAt = performance.now();
  const elapsedMs = (): number => before.elapsedMs + (performance.now() - startedAt);
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);

  const sampleUntilEnd = async (check: CheckPlan): Promise<void> => {
    // a row of bad samples at the end is followed until it is one or is not
    for (let overtime = 0; overtime < bake.failures;) {
      const sampledAt = performance.now();
      const asked = await askCheck(check, { ...context, signal });
      const { tally: known, outcome } = judgeSample(check, tallies.get(check.name) ?? NO_SAMPLES, asked);
      const tally = countSample(known, outcome);
      tallies.set(check.name, tally);
      input.report({
        elapsedMs: elapsedMs(),
        tallies: Object.fromEntries(tallies),
        logs: Object.fromEntries(context.logCounts),
      });
      if (outcome.verdict === 'failed') input.onBad();
      if (isBad(tally, bake)) {
        failed.abort(new Error(`${check.name} has failed`));
        return;
      }
      const leftMs = remainingMs - elapsedMs();
      if (leftMs <= 0) {
        if (tally.badInARow === 0) return;
        overtime += 1;
      }
      const untilNextMs = Math.max(0, bake.intervalMs - (performance.now() - sampledAt));
      await sleep(leftMs <= 0 ? untilNextMs : Math.min(untilNextMs, leftMs), undefined, { signal });
    }
  };

  await Promise.all(
    bake.checks.map((check) =>
      sampleUntilEnd(check).catch((error: unknown) => {
        if (failed.signal.aborted) return;
        failed.abort(error);
        throw error;
      }),
    ),
  );
  context.signal.throwIfAborted();
  if (bake.checks.length === 0) {
    await sleep(Math.max(0, remainingMs - elapsedMs()), undefined, { signal: context.signal });
  }
  return tallies;
}

async function soon(log: Promise<string | null>): Promise<string | null> {
  const stop = new AbortController();
  try {
    return await Promise.race([log, sleep(LOG_WITHIN_MS, null, { signal: stop.signal })]);
  } finally {
    stop.abort();
  }
}
