/** Timeouts, retries and task queue per class of activity, and the one way workflows call them. */
import {
  ActivityCancellationType,
  scheduleActivity,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { EnvironmentPlan } from '../pipeline/plan.js';
import type { Activities } from './activity-contract.js';
import { DATABASE_COMMAND_MS } from './database-state.js';
import { NON_RETRYABLE } from './failures.js';
import { TASK_QUEUE, URGENT_TASK_QUEUE } from './names.js';

type ActivityName = keyof Activities;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** What a class of activities may take. `scheduleToClose` null = tried until it can be made. */
interface ClassOptions {
  startToCloseMs: number;
  scheduleToCloseMs: number | null;
  heartbeatMs: number;
  retry: { initialMs: number; factor: number; maximumMs: number };
  /** `look` is left alone when cancelled; `touch` is waited for, or an undo would run beside it. */
  manner: 'look' | 'touch';
  urgent: boolean;
}

const GENTLE = { initialMs: SECOND, factor: 2, maximumMs: 30 * SECOND };
const EAGER = { initialMs: SECOND, factor: 1, maximumMs: SECOND };

type Class = 'ask' | 'build' | 'look' | 'watch' | 'touch' | 'migrate' | 'switch' | 'undo' | 'revert';

const CLASS_OF: Record<ActivityName, Class> = {
  resolvePlan: 'look',
  runGate: 'build',
  buildArtifacts: 'build',
  tagArtifacts: 'touch',
  announce: 'ask',
  requestChange: 'ask',
  withdrawRequest: 'ask',
  askEnvironment: 'ask',
  listAncestors: 'look',
  verifyApproval: 'look',
  verifyForce: 'look',
  verifyDecision: 'look',
  nextOpening: 'look',
  findGithubApprovals: 'look',
  passFreeze: 'look',
  recordDeployment: 'look',
  setCommitStatus: 'look',
  commentOnPullRequest: 'look',
  inspectEnvironment: 'look',
  preflight: 'look',
  proveWayBack: 'look',
  measureBaseline: 'look',
  readDatabase: 'look',
  backupDatabase: 'migrate',
  migrateDatabase: 'migrate',
  contractDatabase: 'migrate',
  readBackup: 'migrate',
  stopWriters: 'touch',
  restoreDatabase: 'migrate',
  revertDatabase: 'revert',
  claim: 'touch',
  deploy: 'touch',
  retireColour: 'touch',
  verify: 'watch',
  bake: 'watch',
  switchTraffic: 'switch',
  undoDeploy: 'undo',
  stopHost: 'undo',
  takeOver: 'undo',
};

/** Activities that write to hosts, registries or proxies, or run a team's own commands: they must be shown why they may. */
export const CHANGES_THE_WORLD: readonly string[] = Object.entries(CLASS_OF).flatMap(([name, kind]) =>
  ['build', 'touch', 'migrate', 'switch', 'undo', 'revert'].includes(kind) ? [name] : [],
);

/** The plan's own deadline is the activity's to keep; ours is longer, for a worker that is gone. */
const MARGIN_MS = 30 * SECOND;

function classOptions(kind: Class, plan: EnvironmentPlan | null): ClassOptions {
  const converge = (plan?.timeoutMs ?? 10 * MINUTE) + MARGIN_MS;
  // One host after the other, and before a colour is stopped it finishes what it has.
  const inTurn =
    (plan?.timeoutMs ?? 10 * MINUTE) * Math.max(1, plan?.hosts.length ?? 1) +
    (plan?.traffic?.drainMs ?? 0) +
    MARGIN_MS;
  // a backup and its proof, or a revert and two looks
  const database = 2 * (plan?.database?.timeoutMs ?? DATABASE_COMMAND_MS) + 3 * MINUTE;
  const confirm = (plan?.traffic?.confirm.timeoutMs ?? MINUTE) + MARGIN_MS;
  const looking = { manner: 'look', urgent: false } as const;
  switch (kind) {
    case 'ask':
      return {
        startToCloseMs: 10 * SECOND,
        scheduleToCloseMs: null,
        heartbeatMs: 10 * SECOND,
        retry: GENTLE,
        ...looking,
      };
    case 'build':
      return {
        startToCloseMs: 2 * HOUR,
        scheduleToCloseMs: 4 * HOUR,
        heartbeatMs: 30 * SECOND,
        retry: GENTLE,
        manner: 'touch',
        urgent: false,
      };
    case 'look':
      return {
        startToCloseMs: 2 * MINUTE,
        scheduleToCloseMs: 5 * MINUTE,
        heartbeatMs: 10 * SECOND,
        retry: GENTLE,
        ...looking,
      };
    case 'watch':
      return {
        startToCloseMs: watchingMs(plan),
        scheduleToCloseMs: watchingMs(plan) + converge,
        heartbeatMs: 5 * SECOND,
        retry: EAGER,
        ...looking,
      };
    case 'touch':
      return writing(inTurn);
    case 'migrate':
      return writing(database);
    case 'revert':
      return puttingBack(database);
    case 'switch':
      return {
        startToCloseMs: confirm,
        scheduleToCloseMs: 3 * confirm,
        heartbeatMs: 2 * SECOND,
        retry: EAGER,
        manner: 'touch',
        urgent: true,
      };
    case 'undo':
      return puttingBack(converge);
  }
}

function writing(startToCloseMs: number): ClassOptions {
  return {
    startToCloseMs,
    scheduleToCloseMs: 3 * startToCloseMs,
    heartbeatMs: 10 * SECOND,
    retry: GENTLE,
    manner: 'touch',
    urgent: false,
  };
}

function puttingBack(startToCloseMs: number): ClassOptions {
  return {
    startToCloseMs,
    scheduleToCloseMs: null,
    heartbeatMs: 2 * SECOND,
    retry: { ...EAGER, maximumMs: 10 * SECOND },
    manner: 'touch',
    urgent: true,
  };
}

/** Longest a verify or a bake of this plan can take by its own numbers. */
function watchingMs(plan: EnvironmentPlan | null): number {
  const checks = [...(plan?.checks ?? []), ...(plan?.dependencies ?? []), ...(plan?.bake?.checks ?? [])];
  const tries = checks.map(
    (check) => check.startPeriodMs + (check.retries + 1) * (check.timeoutMs + check.intervalMs),
  );
  return (
    Math.max(plan?.bake?.forMs ?? 0, plan?.traffic?.stepMs ?? 0) +
    Math.max(MINUTE, ...tries) +
    (plan?.timeoutMs ?? 0) +
    MARGIN_MS
  );
}

export interface Calling {
  /** Shown in the UI's row behind the name, so without the verb; cut to 100 characters. */
  summary: string;
  plan?: EnvironmentPlan;
  /** When cancelled it is waited for, as those that touch hosts always are. */
  awaited?: boolean;
  /** Tried for ever, each second at first: for undo. */
  insist?: boolean;
  /** Instead of the default deadline over all tries. */
  scheduleToCloseMs?: number;
  /** 1 = before everything else, 5 = after. */
  priority?: number;
}

function activityOptions(name: ActivityName, calling: Calling): ActivityOptions {
  const options = classOptions(CLASS_OF[name], calling.plan ?? null);
  const all = calling.insist === true ? null : (calling.scheduleToCloseMs ?? options.scheduleToCloseMs);
  return {
    ...(options.urgent ? { taskQueue: urgentQueue() } : {}),
    startToCloseTimeout: options.startToCloseMs,
    ...(all === null ? {} : { scheduleToCloseTimeout: all }),
    heartbeatTimeout: options.heartbeatMs,
    retry: {
      initialInterval: options.retry.initialMs,
      backoffCoefficient: options.retry.factor,
      maximumInterval: options.retry.maximumMs,
      nonRetryableErrorTypes: NON_RETRYABLE,
    },
    cancellationType:
      options.manner === 'look' && calling.awaited !== true
        ? ActivityCancellationType.TRY_CANCEL
        : ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: calling.summary.slice(0, 100),
    ...(calling.priority === undefined ? {} : { priority: { priorityKey: calling.priority } }),
  };
}

/** Schedules an activity of the contract. */
export function perform<Name extends ActivityName>(
  name: Name,
  input: Parameters<Activities[Name]>[0],
  calling: Calling,
): Promise<Awaited<ReturnType<Activities[Name]>>> {
  return scheduleActivity(name, [input], activityOptions(name, calling));
}

/** The urgent queue beside a worker's own: `slipway` has `slipway-urgent`, a trust zone's queue has its own. */
function urgentQueue(): string {
  const own = workflowInfo().taskQueue;
  return own === TASK_QUEUE ? URGENT_TASK_QUEUE : `${own}-urgent`;
}
