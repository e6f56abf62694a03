/** The promotions of one release: started in the order of `after`, followed to their ends, told when to stop. */
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import {
  CancellationScope,
  log,
  ParentClosePolicy,
  patched,
  startChild,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { EnvironmentPlan, ReleasePlan } from '../pipeline/plan.js';
import { ENDED } from './failures.js';
import type { Decision, PromotionRequest, ReleaseRequest, ReleaseStatus, Superseded } from './messages.js';
import { promotionId, releaseId, SIGNAL, UPDATE, WORKFLOW } from './names.js';
import { describeOrphan, takeOrphanBack } from './orphaned-promotion.js';
import type { Progress } from './progress.js';
import type { BuiltArtifact, PromotionResult } from './result.js';
import { detailPromotion, summarizeRun } from './static-details.js';
import { linkToRun, type UiLink } from './ui-links.js';

/** Only its shape: the promotion is another workflow, known by its name. */
type Promote = (request: PromotionRequest) => Promise<PromotionResult>;

export class Promotions {
  readonly results: PromotionResult[] = [];
  readonly skipped: { environment: string; why: string }[] = [];
  private readonly handles = new Map<string, ChildWorkflowHandle<Promote>>();
  private aborted: Decision | null = null;

  constructor(
    private readonly request: ReleaseRequest,
    /** Environment → the newer version on its way there. */
    private readonly superseded: ReadonlyMap<string, string>,
    private readonly progress: Progress,
  ) {}

  /** Until all have ended. Never throws: each environment's end is a result or a reason. */
  async run(plan: ReleasePlan, artifacts: BuiltArtifact[]): Promise<void> {
    const ends = new Map<string, Promise<boolean>>();
    for (const environment of plan.environments) {
      const before = environment.after.flatMap((name) => {
        const end = ends.get(name);
        return end === undefined ? [] : [{ name, end }];
      });
      ends.set(environment.name, this.promote(plan, environment, artifacts, before));
    }
    await Promise.all(ends.values());
  }

  /** True when the release is live there. */
  private async promote(
    plan: ReleasePlan,
    environment: EnvironmentPlan,
    artifacts: BuiltArtifact[],
    before: { name: string; end: Promise<boolean> }[],
  ): Promise<boolean> {
    const { name } = environment;
    for (const earlier of before) {
      if (!(await earlier.end)) return this.skip(name, `it did not become live on ${earlier.name}`);
    }
    if (this.aborted !== null) return this.skip(name, `aborted by ${this.aborted.by}`);
    const newer = this.superseded.get(name);
    if (newer !== undefined) return this.skip(name, `superseded by ${newer}`);

    this.progress.begin(name, `on its way to ${name}`);
    const handle = await this.start(plan, environment, artifacts);
    if (handle === null) {
      const elsewhere = followedByNobody(plan, environment);
      this.results.push(elsewhere);
      this.progress.set(name, elsewhere.state, elsewhere.headline);
      return false;
    }
    this.handles.set(name, handle);
    this.progress.publish();
    this.tellLatecomer(name, handle);
    const result = await this.follow(environment, plan, handle);
    this.results.push(result);
    this.progress.set(name, result.state, result.headline);
    return result.state === 'succeeded';
  }

  private skip(environment: string, why: string): boolean {
    this.skipped.push({ environment, why });
    this.progress.set(environment, 'superseded', why);
    return false;
  }

  private async start(
    plan: ReleasePlan,
    environment: EnvironmentPlan,
    artifacts: BuiltArtifact[],
  ): Promise<ChildWorkflowHandle<Promote> | null> {
    const { requestId, actor, reason, forces } = this.request;
    const { pipeline, version, commit, ref, repository } = plan;
    const promotion: PromotionRequest = {
      requestId,
      releaseId: releaseId(pipeline, version),
      version,
      commit,
      ref,
      repositoryUrl: repository.url,
      plan: environment,
      artifacts,
      actor,
      reason,
      ...(forces === undefined ? {} : { forces }),
    };
    try {
      return await startChild<Promote>(WORKFLOW.promotion, {
        workflowId: promotionId(pipeline, environment.name, requestId),
        args: [promotion],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: summarizeRun(environment, version),
        staticDetails: detailPromotion(promotion),
      });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
      throw error;
    }
  }

  private async follow(
    environment: EnvironmentPlan,
    plan: ReleasePlan,
    handle: ChildWorkflowHandle<Promote>,
  ): Promise<PromotionResult> {
    try {
      return await handle.result();
    } catch (error) {
      const told = readPromotionFailure(error);
      if (told !== null) return told;
      // Runs from before this patch left its request to the environment.
      if (!patched('orphans-are-taken-back')) return describeOrphan({ plan, environment, change: 'unknown' });
      return await takeOrphanBack({ request: this.request, plan, environment });
    }
  }

  started(environment: string): boolean {
    return this.handles.has(environment);
  }

  /** Environments that it is on its way to, or will be. */
  notEnded({ environments }: ReleasePlan): string[] {
    const over = [...this.results, ...this.skipped].map(({ environment }) => environment);
    return environments.map(({ name }) => name).filter((name) => !over.includes(name));
  }

  links(): UiLink[] {
    return [...this.handles].map(([environment, { workflowId, firstExecutionRunId }]) =>
      linkToRun(`promotion to ${environment}`, workflowId, firstExecutionRunId),
    );
  }

  statuses(): ReleaseStatus['promotions'] {
    return [...this.handles].map(([environment, { workflowId }]) => {
      const ended = this.results.find((result) => result.environment === environment);
      return { environment, workflowId, state: ended?.state ?? 'running' };
    });
  }

  abort(decision: Decision): void {
    this.aborted = decision;
    for (const handle of this.handles.values()) void this.signal(handle, UPDATE.abort, decision);
  }

  supersede(newer: Superseded): void {
    const handle = this.handles.get(newer.environment);
    if (handle !== undefined) void this.signal(handle, SIGNAL.superseded, newer);
  }

  /** What was said between asking for its start and its start. */
  private tellLatecomer(environment: string, handle: ChildWorkflowHandle<Promote>): void {
    if (this.aborted !== null) void this.signal(handle, UPDATE.abort, this.aborted);
    const version = this.superseded.get(environment);
    const newer: Superseded | null = version === undefined ? null : { environment, version, commit: '' };
    if (newer !== null) void this.signal(handle, SIGNAL.superseded, newer);
  }

  /** A promotion that has ended needs no word any more. */
  private async signal(handle: ChildWorkflowHandle<Promote>, name: string, payload: unknown): Promise<void> {
    // A release that is cancelled itself speaks all the same; runs from before this patch fell silent.
    const speak = (): Promise<void> => handle.signal(name, payload);
    try {
      await (patched('cancelled-releases-speak') ? CancellationScope.nonCancellable(speak) : speak());
    } catch (error) {
      log.info(`${name} was not delivered to ${handle.workflowId}: ${String(error)}`);
    }
  }
}

/** The result that a failed promotion carries; null when it died without one. */
function readPromotionFailure(error: unknown): PromotionResult | null {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : null;
  if (!(cause instanceof ApplicationFailure) || cause.type !== ENDED.promotion) return null;
  const details: unknown = cause.details?.[0];
  return isPromotionResult(details) ? details : null;
}

function isPromotionResult(value: unknown): value is PromotionResult {
  return typeof value === 'object' && value !== null && 'environment' in value && 'state' in value;
}

/** A run before this one, ended from outside or reset, has started it: it goes on, and its end is not known here. */
function followedByNobody({ pipeline, version }: ReleasePlan, { name }: EnvironmentPlan): PromotionResult {
  const what = 'a promotion of the same request is under way already';
  return {
    headline: `${pipeline} ${version} → ${name}: ${what}`,
    state: 'failed',
    environment: name,
    refused: true,
    clean: true,
    change: null,
    evidence: [],
    failure: { what, where: `${pipeline} ${name}`, why: null, wayOut: `slipway watch ${name}` },
  };
}
