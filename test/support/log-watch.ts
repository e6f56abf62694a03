/** A check of the log, asked again and again as a bake does: what one sample counts is not counted again by the next. */
import { askCheck } from '../../activities/checks/ask-check.js';
import type { CheckContext } from '../../activities/checks/check.js';
import type { LogCount } from '../../activities/checks/log-count.js';
import type { ReadNewLogs } from '../../activities/platforms/open-platform.js';
import type { Secrets } from '../../activities/secrets/secrets.js';
import type { CheckPlan } from '../../pipeline/plan.js';
import type { CheckOutcome, Target } from '../../workflows/activity-contract.js';

export type LogsPlan = Extract<CheckPlan, { kind: 'logs' }>;

export interface LogWatch {
  logCounts: Map<string, LogCount>;
  ask(change?: Partial<LogsPlan>): Promise<CheckOutcome>;
}

export function watchLogs(of: {
  read: ReadNewLogs;
  target: Target;
  deployedMsAgo: number | null;
  secrets: Secrets;
}): LogWatch {
  const { read, target, deployedMsAgo, secrets } = of;
  const logCounts = new Map<string, LogCount>();
  const context: CheckContext = {
    ...{ target, colour: target.colour, at: 'traffic', sampling: true, baseline: {}, env: {}, secrets },
    ...{ checkout: null, logCounts, signal: new AbortController().signal },
    openHost: () => Promise.reject(new Error('not asked')),
    databaseRevision: () => Promise.reject(new Error('no database')),
    newestMigrations: () => Promise.reject(new Error('no migrations')),
    deployedMsAgo: () => deployedMsAgo,
    newLogs: (from) => read(target, target.colour, from),
  };
  return { logCounts, ask: (change = {}) => askCheck(logsCheck(change), context) };
}

function logsCheck(change: Partial<LogsPlan>): LogsPlan {
  return {
    ...{ name: 'clean-logs', kind: 'logs', pattern: 'ERROR|Traceback', max: 0 },
    ...{ timeoutMs: 20_000, retries: 0, intervalMs: 10, startPeriodMs: 0 },
    ...change,
  };
}
