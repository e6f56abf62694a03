/**
 * The typed library behind the `slipway` command: start, follow, decide. Every method names an environment, finds the
 * workflow that decides for it, and throws `UserError` (with an exit code and a way out) when it cannot.
 */
import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import type { InspectInput, InspectResult } from '../workflows/activity-contract.js';
import type {
  Actor,
  Decision,
  EnvironmentRequest,
  EnvironmentStatus,
  ProgressStatus,
  ReleaseRequest,
  ReleaseStatus,
} from '../workflows/messages.js';
import { explainUnknownEnvironment } from '../pipeline/unknown-environment.js';
import { environmentId, laneId, UPDATE, WORKFLOW } from '../workflows/names.js';
import type { ChangeResult, ReleaseResult } from '../workflows/result.js';
import { askStatus, unlessUnknown } from './ask-status.js';
import { type ConnectOptions, connectToTemporal, type TemporalLink } from './connect.js';
import type { ApproveOptions, Decided, DecisionOptions, RollbackOptions, SigningOptions } from './decided.js';
import {
  type FollowEnd,
  followChange,
  followPromotion,
  followRelease,
  type FollowOptions,
  type Progress,
} from './follow.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { type AnyResult, type FollowedTo, followToEnd, nothingFollowed } from './followed.js';
import { lookAtHosts } from './look-at-hosts.js';
import { sendDecision, sendRequest, sendToEnvironment, type UpdateName } from './send-decision.js';
import type { FreezeOptions } from './signed-decisions.js';
import { newRequestId, startRelease, type StartedRelease } from './start-release.js';
import {
  type DecisionTarget,
  endedMeanwhile,
  environmentOf,
  findAnyInFlight,
  findHolding,
  nameHost,
  findLane,
  findPaused,
  findWaitingPromotion,
  matches,
} from './targets.js';
import { badInput, refused, UserError } from './user-error.js';

/** Whoever writes to the namespace can start a million; nobody looks at so many. */
const MOST_ENVIRONMENTS = 200;

export interface SlipwayClientOptions extends ConnectOptions {
  /** Name of the pipeline: the file's `pipeline:`. */
  pipeline: string;
  /** Who decides and requests; a claim, shown as unverified. */
  by: string;
  /** Names of its environments, where a pipeline file is at hand; empty = those that a release has reached. */
  environments?: () => Promise<readonly string[]>;
}

/** What a release needs besides the client's own pipeline and actor. */
export type ReleaseWish = Omit<ReleaseRequest, 'requestId' | 'pipeline' | 'actor' | 'reason'> & {
  reason?: string | null;
  /** Where something was signed about it already; else a new one. */
  requestId?: string;
  /** What its plan goes to, where that is known: then it is seen that another release is under way there. Default `to`. */
  environments?: readonly string[];
};

export interface WaitOptions extends FollowOptions {
  /** Told of every change on the way. */
  onChange?: (progress: Progress) => void;
}

/** All that was seen of a release and its promotions, and how it ended. */
export interface WaitedRelease extends FollowedTo<ReleaseResult> {
  exit: ExitCode;
}

export class SlipwayClient {
  readonly pipeline: string;
  readonly actor: Actor;
  readonly link: TemporalLink;
  private readonly named: () => Promise<readonly string[]>;

  constructor(
    link: TemporalLink,
    { pipeline, by, environments }: Pick<SlipwayClientOptions, 'pipeline' | 'by' | 'environments'>,
  ) {
    this.link = link;
    this.pipeline = pipeline;
    this.actor = { by, proof: 'unverified' };
    this.named = environments ?? (() => Promise.resolve([]));
  }

  /** Connects as TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TLS and API key variables or the profile say. */
  static async connect(options: SlipwayClientOptions): Promise<SlipwayClient> {
    return new SlipwayClient(await connectToTemporal(options), options);
  }

  close(): Promise<void> {
    return this.link.close();
  }

  // releases

  /** Starts a release, or joins the one under way. Throws as `startRelease` of start-release.ts. */
  startRelease({ environments, ...wish }: ReleaseWish): Promise<StartedRelease> {
    const request: ReleaseRequest = {
      reason: null,
      requestId: newRequestId(wish.version),
      ...wish,
      pipeline: this.pipeline,
      actor: this.actor,
    };
    return startRelease(this.link, request, environments);
  }

  /** Yields each change of the release and its promotions; returns how it ended. */
  followRelease(
    started: { workflowId: string },
    options: FollowOptions = {},
  ): AsyncGenerator<Progress, FollowEnd<ReleaseResult>> {
    return followRelease(this.link, this.handle(started.workflowId), options);
  }

  /** Follows until it ends, waits for a person (`until`) or takes too long; `exit` is what the command would exit with. */
  async waitForRelease(
    started: { workflowId: string },
    { onChange = () => undefined, ...options }: WaitOptions = {},
  ): Promise<WaitedRelease> {
    const { exitOfFollowedRelease } = await import('./release-data.js');
    const followed = await followToEnd(this.followRelease(started, options), nothingFollowed(), onChange);
    return { ...followed, exit: exitOfFollowedRelease(followed) };
  }

  async releaseStatus(workflowId: string): Promise<ReleaseStatus> {
    return askStatus<ReleaseStatus>(this.link, this.handle(workflowId));
  }

  // looking

  /** What an environment remembers; null when no release has ever reached it. */
  async status(environment: string): Promise<EnvironmentStatus | null> {
    const handle = this.handle(environmentId(this.pipeline, environment));
    return unlessUnknown(askStatus<EnvironmentStatus>(this.link, handle));
  }

  /** Progress of a promotion or change; null when its run is not known (any more). */
  async progress(workflowId: string): Promise<ProgressStatus | null> {
    return unlessUnknown(askStatus<ProgressStatus>(this.link, this.handle(workflowId)));
  }

  /** Environments of this pipeline that a release has reached, by name; 200 at most. */
  async listEnvironments(): Promise<string[]> {
    const prefix = environmentId(this.pipeline, '');
    const names = new Set<string>();
    const query = `WorkflowType = '${WORKFLOW.environment}' AND ExecutionStatus = 'Running'`;
    await this.link.ask(async () => {
      for await (const run of this.link.client.workflow.list({ query })) {
        const name = run.workflowId.slice(prefix.length);
        if (run.workflowId.startsWith(prefix) && !name.includes('/')) names.add(name);
        if (names.size === MOST_ENVIRONMENTS) break;
      }
    });
    return [...names].sort();
  }

  /**
   * For one that no release has reached. Throws UserError (exit 2) where the file, or without one Temporal, knows others
   * and not this one.
   */
  async requireKnown(environment: string): Promise<void> {
    const inFile = await this.named();
    const known = inFile.length > 0 ? inFile : await this.listEnvironments();
    if (known.length === 0 || known.includes(environment)) return;
    const { what, wayOut } = explainUnknownEnvironment(environment, known);
    const where = this.pipeline;
    const hint =
      inFile.length > 0 ? '' : '; before its first release one is known only where the pipeline file is';
    throw badInput({ what, where, wayOut: wayOut + hint, docs: 'docs/commands.md#which-pipeline' });
  }

  /**
   * What can be followed on an environment: the promotion waiting or changing, else the change in flight, else what has
   * just ended (the last of `version`, whenever that was).
   */
  async findInFlight(environment: string, version: string | null): Promise<DecisionTarget> {
    const status = await this.requireStatus(environment);
    const { inFlight } = status;
    if (inFlight !== null && matches(inFlight.request, version)) {
      const { promotionId: promotion, version: inLane, requestId } = inFlight.request;
      return promotion === null
        ? findLane(status, version)
        : { kind: 'promotion', workflowId: promotion, version: inLane, requestId };
    }
    try {
      return findAnyInFlight(status, version, 'watch');
    } catch (error) {
      if (!(error instanceof UserError) || error.exit !== EXIT.refused) throw error;
      const { findJustEnded } = await import('./just-ended.js');
      const place = { pipeline: this.pipeline, environment };
      const ended = await findJustEnded(this.link, place, version);
      if (ended === null) throw error;
      return ended;
    }
  }

  /** Follows what `findInFlight` or `findStoppable` has found. */
  async follow(
    environment: string,
    target: DecisionTarget,
    options: FollowOptions = {},
  ): Promise<AsyncGenerator<Progress, FollowEnd<AnyResult>>> {
    if (target.kind === 'lane') return this.followLane(environment, options);
    const handle = this.handle(target.workflowId);
    return target.kind === 'release'
      ? followRelease(this.link, handle, options)
      : followPromotion(this.link, handle, options);
  }

  /** Follows the run that holds the lane now, not a later one. */
  async followLane(
    environment: string,
    options: FollowOptions = {},
  ): Promise<AsyncGenerator<Progress, FollowEnd<ChangeResult>>> {
    const workflowId = laneId(this.pipeline, environment);
    const found = await this.link
      .ask(() => this.handle(workflowId).describe())
      .catch((error: unknown) => {
        throw error instanceof WorkflowNotFoundError ? endedMeanwhile(environment) : error;
      });
    const { runId } = found;
    return followChange(this.link, this.link.client.workflow.getHandle(workflowId, runId), options);
  }

  /** Looks at the hosts from the worker; touches nothing. */
  inspect(input: InspectInput): Promise<InspectResult> {
    return lookAtHosts(this, input);
  }

  // deciding

  /** What approve would decide about: shown before it is asked. */
  async findWaiting(environment: string, version: string | null, verb: string): Promise<DecisionTarget> {
    return findWaitingPromotion(await this.requireStatus(environment), version, verb);
  }

  async approve(environment: string, options: ApproveOptions = {}): Promise<Decided> {
    const target = await this.findWaiting(environment, options.version ?? null, 'approve');
    const { approveWaiting } = await import('./approve-waiting.js');
    return await approveWaiting(this, target, options);
  }

  async reject(environment: string, options: DecisionOptions = {}): Promise<Decided> {
    const target = await this.findWaiting(environment, options.version ?? null, 'reject');
    return this.decide(target, UPDATE.reject, { reason: options.reason ?? null });
  }

  /** Signed where the policy says who may, or a key is given. */
  async switchTraffic(environment: string, options: DecisionOptions & SigningOptions = {}): Promise<Decided> {
    const target = await this.findChange(environment, options.version ?? null);
    const { switchSigned } = await import('./signed-decisions.js');
    return await switchSigned(this, target, options);
  }

  /** The change in flight. */
  async findChange(environment: string, version: string | null): Promise<DecisionTarget> {
    return findLane(await this.requireStatus(environment), version);
  }

  /** Traffic back to the old colour of an open change, then the rest is undone. */
  back(environment: string, options: DecisionOptions = {}): Promise<Decided> {
    return this.decideInLane(environment, UPDATE.back, options);
  }

  /** The step that holds; with `host`, or where no change is in flight, hosts in quarantine. */
  async retry(
    environment: string,
    { host = null, version = null, reason = null }: DecisionOptions & { host?: string | null } = {},
  ): Promise<Decided> {
    const status = await this.requireStatus(environment);
    if (host === null)
      return this.decide(findHolding(status, version, null), UPDATE.retryStep, { reason, host });
    const asNamed = { reason, host: nameHost(status, host) };
    return this.decide(environmentOf(status), UPDATE.retryStep, asNamed);
  }

  /** Out of the change in flight or, where none is, until the next release. */
  async skipHost(environment: string, host: string, options: DecisionOptions = {}): Promise<Decided> {
    const { version = null, reason = null } = options;
    const status = await this.requireStatus(environment);
    const name = nameHost(status, host);
    return this.decide(findHolding(status, version, name), UPDATE.skipHost, { reason, host: name });
  }

  /** What abort would stop: looked at before, so that its end can be followed. */
  async findStoppable(environment: string, version: string | null): Promise<DecisionTarget> {
    return findAnyInFlight(await this.requireStatus(environment), version, 'abort');
  }

  async abort(environment: string, options: DecisionOptions = {}): Promise<Decided> {
    const target = await this.findStoppable(environment, options.version ?? null);
    return this.decide(target, UPDATE.abort, { reason: options.reason ?? null });
  }

  async pause(environment: string, options: DecisionOptions = {}): Promise<Decided> {
    const target = findAnyInFlight(await this.requireStatus(environment), options.version ?? null, 'pause');
    return this.decide(target, UPDATE.pause, { reason: options.reason ?? null });
  }

  async resume(environment: string, options: DecisionOptions = {}): Promise<Decided> {
    const target = findPaused(await this.requireStatus(environment), options.version ?? null);
    return this.decide(target, UPDATE.resume, { reason: options.reason ?? null });
  }

  /** Nobody enters until `until` (ISO time), or until unfrozen. Signed as a switch is. */
  async freeze(environment: string, options: FreezeOptions = {}): Promise<Decided> {
    const { freezeSigned } = await import('./signed-decisions.js');
    return await freezeSigned(this, environment, UPDATE.freeze, options);
  }

  async unfreeze(environment: string, options: Omit<FreezeOptions, 'until'> = {}): Promise<Decided> {
    const { freezeSigned } = await import('./signed-decisions.js');
    return await freezeSigned(this, environment, UPDATE.unfreeze, options);
  }

  /**
   * Asks the environment for an earlier release, ahead of its queue; null = the last good one.
   * Returns the id under which the environment keeps the result.
   */
  async requestRollback(environment: string, options: RollbackOptions = {}): Promise<{ requestId: string }> {
    const request = this.rollbackRequest(environment, options);
    await sendRequest(this, environment, request);
    return { requestId: request.requestId };
  }

  /** What `requestRollback` sends. */
  rollbackRequest(
    environment: string,
    { version = null, reason = null, signed = null, restoreDatabase = null }: RollbackOptions,
  ): Extract<EnvironmentRequest, { type: 'rollback' }> {
    const requestId = newRequestId(`rollback-${version ?? environment}`);
    const restores = restoreDatabase === null ? {} : { restoreDatabase };
    const asked = { type: 'rollback' as const, requestId, version, actor: this.actor, reason, ...restores };
    if (signed === null) return asked;
    return { ...asked, requestId: signed.requestId, reason: signed.reason, statement: signed.statement };
  }

  private handle(workflowId: string): WorkflowHandle {
    return this.link.client.workflow.getHandle(workflowId);
  }

  private async requireStatus(environment: string): Promise<EnvironmentStatus> {
    const status = await this.status(environment);
    if (status !== null) return status;
    await this.requireKnown(environment);
    throw refused({
      what: 'no release has reached it yet',
      where: `${this.pipeline} ${environment}`,
      wayOut: `release to it: slipway release --to ${environment}`,
    });
  }

  private async decideInLane(
    environment: string,
    name: UpdateName,
    options: DecisionOptions,
    more: Partial<Decision> = {},
  ): Promise<Decided> {
    const target = await this.findChange(environment, options.version ?? null);
    return this.decide(target, name, { reason: options.reason ?? null, ...more });
  }

  /** Sends a decision to the environment itself, which need not be there yet. */
  decideAtEnvironment(environment: string, name: UpdateName, said: Partial<Decision>): Promise<Decided> {
    return sendToEnvironment(this, environment, name, said);
  }

  /** Sends a decision to whoever takes it; the named ones above find out who that is. */
  decide(target: DecisionTarget, name: UpdateName, said: Partial<Decision>): Promise<Decided> {
    return sendDecision(this, target, name, said);
  }
}
