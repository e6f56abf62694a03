/** What `verify`, `measureBaseline` and `bake` share: the context of their checks, and how they stop. */
import { Context } from '@temporalio/activity';
import type { CheckPlan, Colour } from '../../pipeline/plan.js';
import type { BakeInput, Target } from '../../workflows/activity-contract.js';
import { activitySignal, stoppedFailure } from '../cancellation.js';
import { commandEnvironment } from '../command-environment.js';
import { findNewest } from '../database/newest-revision.js';
import type { Hosts } from '../hosts/host.js';
import type { JobUsers } from '../job-user/job-users.js';
import type { Secrets } from '../secrets/secrets.js';
import { withCheckout, type Checkout } from '../source/checkout.js';
import type { Source } from '../source/source.js';
import { bounded } from './bounded.js';
import type { ReadNewLogs } from '../platforms/open-platform.js';
import { needsCheckout, type CheckContext } from './check.js';
import type { LogCount } from './log-count.js';

export interface CheckDependencies {
  hosts: Hosts;
  secrets: Secrets;
  /** Checkouts for commands that run on the worker. */
  source: Source;
  /** Who runs those; null = the worker's own user. */
  jobUserOf: JobUsers['ofEnvironment'];
  /** Tail of the environment's own log, for a failure report. */
  serviceLog: (target: Target, colour: Colour | null) => Promise<string>;
  /** What it has written since a moment, to be counted. */
  newLogs: ReadNewLogs;
  /** Where the environment's database is. */
  databaseRevision: (target: Target) => Promise<string>;
}

interface Watch {
  target: Target;
  checks: CheckPlan[];
  colour: Colour | null;
  at: CheckContext['at'];
  baseline: Record<string, number | null>;
  sampling?: boolean;
  /** As it was when the activity was scheduled. */
  deployedMsAgo?: BakeInput['deployedMsAgo'];
  /** By check, of an earlier attempt. */
  logCounts?: Record<string, LogCount>;
}

const LOG_CHARACTERS = 2_048;

/**
 * Runs `work` with a context for these checks. A real cancel becomes CancelledFailure; a worker that stops becomes a
 * retryable error, and the next attempt goes on from the heartbeat.
 */
export async function withChecks<T>(
  dependencies: CheckDependencies,
  watch: Watch,
  work: (context: CheckContext) => Promise<T>,
): Promise<T> {
  const { target, checks, colour, at, baseline, sampling = false } = watch;
  const { hosts, secrets, source, jobUserOf } = dependencies;
  const stopped = activitySignal();
  const env = await commandEnvironment(target, colour, secrets);
  const openHost: CheckContext['openHost'] = (host) => hosts.open(target.plan, host);
  const start = (checkout: Checkout | null): Promise<T> =>
    work({
      ...{ target, colour, at, baseline, sampling, secrets, env, checkout, signal: stopped, openHost },
      deployedMsAgo: stopwatch(watch.deployedMsAgo),
      newLogs: (from) => dependencies.newLogs(target, colour, from),
      databaseRevision: () => dependencies.databaseRevision(target),
      newestMigrations: async (folder) => {
        const mirror = await source.fetchCommit(target.plan.repository.url, target.commit.sha, stopped);
        return await findNewest({ mirror, commit: target.commit.sha, folder, signal: stopped });
      },
      logCounts: new Map(Object.entries(watch.logCounts ?? {})),
    });
  try {
    if (!checks.some(needsCheckout)) return await start(null);
    const user = await jobUserOf(target.plan);
    const mirror = await source.fetchCommit(target.plan.repository.url, target.commit.sha, stopped);
    return await withCheckout({ mirror, commit: target.commit.sha, user, signal: stopped }, start);
  } catch (error) {
    if (!stopped.aborted) throw error;
    throw stoppedFailure(stopped, `checks of ${target.plan.name}`, error);
  }
}

/**
 * Goes on from what it was when the activity was scheduled. The time it waited for a worker is told by two machines'
 * clocks, so a wrong one may let earlier lines of this release count, never leave later ones out.
 */
function stopwatch(scheduledMsAgo: number | undefined): () => number | null {
  if (scheduledMsAgo === undefined) return () => null;
  const startedAt = performance.now();
  const waitedMs = Math.max(0, Date.now() - Context.current().info.scheduledTimestampMs);
  return () => scheduledMsAgo + waitedMs + (performance.now() - startedAt);
}

/** At most 2 KB, within `withinMs`; null when there is none by then. Never rejects except when stopped. */
export async function readLogTail(
  dependencies: CheckDependencies,
  { target, colour, signal }: CheckContext,
  withinMs: number,
): Promise<string | null> {
  const log = dependencies.serviceLog(target, colour).catch(() => '');
  const text = await bounded(log, { timeoutMs: withinMs, signal, onTimeout: () => '' });
  const tail = dependencies.secrets.scrub(text).trim().slice(-LOG_CHARACTERS);
  return tail === '' ? null : tail;
}
