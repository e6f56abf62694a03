/** One question to a running release. `inconclusive` = could not be asked; never counted as an answer. */
import type { CheckPlan, Colour } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { CheckOutcome, Target } from '../../workflows/activity-contract.js';
import type { Newest } from '../database/newest-revision.js';
import type { Host } from '../hosts/host.js';
import type { Checkout } from '../source/checkout.js';
import type { LogsFrom, NewLogs } from '../platforms/platform.js';
import type { Secrets } from '../secrets/secrets.js';
import type { LogCount } from './log-count.js';

export interface CheckContext {
  target: Target;
  /** Replaces `{colour}`; null = the environment has no colours. */
  colour: Colour | null;
  /** `colour`: at its own address, before it has traffic. `traffic`: as users reach it. */
  at: 'colour' | 'traffic';
  openHost(host: HostPlan): Promise<Host>;
  secrets: Secrets;
  /** For commands: `SLIPWAY_…` and the environment's secrets. */
  env: Record<string, string>;
  /** Checkout of the commit in which commands on the worker run; null = no check needs one. */
  checkout: Checkout | null;
  /** Means before the switch, per prometheus check. */
  baseline: Record<string, number | null>;
  /** Many tries make one answer: what takes long is judged over all of them. */
  sampling: boolean;
  /** Milliseconds since the deploy of this change began, now; null = nobody knows, or there was none yet. */
  deployedMsAgo(): number | null;
  newLogs(from: (place: string) => LogsFrom): Promise<(NewLogs & { place: string })[]>;
  /** Where the database is. */
  databaseRevision(): Promise<string>;
  /** Where the commit's migrations bring it; null = in the usual folder. */
  newestMigrations(folder: string | null): Promise<Newest>;
  /** By check. */
  logCounts: Map<string, LogCount>;
  signal: AbortSignal;
}

/** What one try found; the check's name is added by ask-check.ts. */
export type Finding = Omit<CheckOutcome, 'check'>;

/** One try, bounded by the check's own timeout. Retries and start period are run-checks.ts's. */
export type CheckOnce<Plan extends CheckPlan = CheckPlan> = (
  plan: Plan,
  context: CheckContext,
) => Promise<Finding>;

/** Does it run on the worker, in the files of the commit? */
export function needsCheckout(check: CheckPlan): boolean {
  if (check.kind === 'migrations') return check.current !== undefined;
  return check.kind === 'run' && check.on === 'worker';
}

export function passed(detail: string): Finding {
  return { verdict: 'passed', detail };
}

export function failed(detail: string): Finding {
  return { verdict: 'failed', detail };
}

export function inconclusive(detail: string): Finding {
  return { verdict: 'inconclusive', detail };
}
