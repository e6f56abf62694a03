/**
 * What a way of running software must be able to do. One file per platform implements it, and one contract test
 * holds them all to it.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import type { PreflightFinding, PriorState, Target, UndoResult } from '../../workflows/activity-contract.js';
import type { Fence, Host } from '../hosts/host.js';
import type { Cluster } from '../kubernetes/cluster.js';
import type { RunTeamCommand } from './team-command.js';

/** What the activity around a platform provides: progress, cancellation, the time that is left. */
export interface PlatformContext {
  /** The commit's files in a throwaway folder on the worker, gone when `work` is done. */
  checkout: <T>(work: (folder: string) => Promise<T>) => Promise<T>;
  /** A team's own command, where and as it is to run. */
  teamCommand: RunTeamCommand;
  /** Where commands run; for what runs in a cluster, the worker. */
  host: Host;
  /** The cluster of a plan that names one, reached on first use. */
  cluster: () => Promise<Cluster>;
  target: Target;
  /** For everything that writes. */
  fence: Fence;
  /** Environment variables for remote commands, secrets resolved. */
  env: Record<string, string>;
  /** Values of the plan's `docker-secrets`. */
  dockerSecrets: Record<string, string>;
  /** Called often while waiting: heartbeats. */
  progress: (note: string) => void;
  /** Aborted with reason `kill` (cancelled for good) or `detach` (the worker stops). */
  signal: AbortSignal;
  /** Id of a long command on the host: the same for every attempt of one activity, another for each new one. */
  operationId: (step: string) => string;
  /** Registry credentials when the pipeline has a `registry`. */
  registryLogin: { server: string; username: string; password: string } | null;
  /** Those the worker speaks to without TLS, beside loopback. */
  insecureRegistries: readonly string[];
}

/** Where tokens are compared when no host runs the software; see `Host`. */
export type FenceKeeper = Pick<Host, 'claim' | 'killStale'>;

export interface Platform {
  /** Present = the fence lives there; absent = on the host. */
  fenceKeeper?(context: PlatformContext): FenceKeeper;
  /** Read only. Names every problem with its way out. */
  preflight(context: PlatformContext): Promise<PreflightFinding[]>;
  /** Writes the fence where the platform itself can hold one (a label); hosts hold theirs already. */
  claim(context: PlatformContext): Promise<void>;
  /** What is there now, for undo; `platform: null` = nothing. */
  recordPrior(context: PlatformContext): Promise<PriorState['platform']>;
  /** Is the old release still there to go back to (image on the host or pullable)? Throws Refused when not. */
  proveWayBack(context: PlatformContext, prior: PriorState['platform']): Promise<string>;
  /** Adopts what is already right; converges to our digests; throws Refused with the true cause. */
  deploy(context: PlatformContext): Promise<string>;
  /** Compare-and-set back to `prior`. */
  undo(context: PlatformContext, prior: PriorState['platform']): Promise<UndoResult>;
  /** Stops a colour that is no longer needed, or what runs without colours on a host that stands apart. */
  retire(context: PlatformContext, colour: Colour | null): Promise<UndoResult>;
  /** What is there, as text: two equal ones in a row mean that nothing moves any more. */
  observe(context: PlatformContext): Promise<string>;
  logs(context: PlatformContext, lines: number): Promise<string>;
  /** What this release's own processes have written since a moment. Throws when the place cannot be asked. */
  newLogs(context: PlatformContext, from: LogsFrom): Promise<NewLogs>;
}

/** So long before now, by the clock of whoever keeps the log; then where the look before ended. */
export type LogsFrom = { agoMs: number } | { cursor: string };

export interface NewLogs {
  lines: string[];
  /** Where the next look begins; a few KB at most, since it goes into heartbeats. */
  cursor: string;
  /** The lines of earlier looks are among them again. */
  repeats: boolean;
  /** Why lines may be missing; null = these are all. */
  missing: string | null;
}

export function keeperOf(platform: Platform, context: PlatformContext): FenceKeeper {
  return platform.fenceKeeper?.(context) ?? context.host;
}

type PlanOf<Kind extends PlatformPlan['kind']> = Extract<PlatformPlan, { kind: Kind }>;

/** The platform's part of the plan; each is given plans of its own kind only. */
export function platformPlan<Kind extends PlatformPlan['kind']>(
  { target }: PlatformContext,
  kind: Kind,
): PlanOf<Kind> {
  const { platform } = target.plan;
  if (isOf(platform, kind)) return platform;
  throw new Error(`platform ${kind} was given a plan for ${platform.kind}`);
}

function isOf<Kind extends PlatformPlan['kind']>(plan: PlatformPlan, kind: Kind): plan is PlanOf<Kind> {
  return plan.kind === kind;
}
