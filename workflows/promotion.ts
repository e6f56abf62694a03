/**
 * One release on its way into one environment: was it good before, gates, approvals, wait timer, window; then it
 * stands in the environment's queue and waits for the outcome. Holds no lane and may wait for weeks.
 */
import {
  CancellationScope,
  defineQuery,
  defineSignal,
  isCancellation,
  log,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { perform } from './activity-options.js';
import { attempt } from './attempt.js';
import { waitsForItsWords } from './awaited-words.js';
import type { NamedDecision, PromotionDeciding } from './decisions.js';
import { forcedGates } from './forced.js';
import { Approvals } from './gather-approvals.js';
import { Forces } from './hear-forces.js';
import { isChangeResult, isSuperseded } from './message-shapes.js';
import type { ProgressStatus, PromotionRequest } from './messages.js';
import { laneId, QUERY, SIGNAL } from './names.js';
import { Progress } from './progress.js';
import { Opening } from './opening.js';
import { PromotionOnGithub } from './promotion-on-github.js';
import { concludePromotion, endPromotion, Refusal, type Stop } from './promotion-end.js';
import { PromotionGates } from './promotion-gates.js';
import { excludingOf, promotionFacts, promotionStatus, type PromotionView } from './promotion-screen.js';
import { readFailure } from './read-failure.js';
import { RequestedChange } from './requested-change.js';
import { receiveDecisions, type Applied } from './receive-decisions.js';
import { wayToBeGood } from './same-files.js';
import type { EvidenceItem, FailureReport, PromotionResult } from './result.js';
import { describeRun } from './search-attributes.js';

/** Ends Failed (with the PromotionResult as detail) when refused or failed; Completed when live, superseded or aborted. */
export async function promotion(request: PromotionRequest): Promise<PromotionResult> {
  const run = new Promotion(request);
  run.listen();
  return await run.carryOut();
}

class Promotion {
  private phase: PromotionDeciding['phase'] = 'gates';
  private paused = false;
  private stop: Stop | null = null;
  private failure: FailureReport | null = null;
  private readonly evidence: EvidenceItem[] = [];
  private readonly preparing = new CancellationScope();
  private readonly progress: Progress;
  private readonly approvals: Approvals;
  private readonly forces: Forces;
  private readonly gates: PromotionGates;
  private readonly change: RequestedChange;
  private readonly github: PromotionOnGithub;
  private readonly opening: Opening;
  private readonly where: string;

  constructor(private readonly request: PromotionRequest) {
    const { plan } = request;
    this.where = `${plan.pipeline} ${plan.name}`;
    this.github = new PromotionOnGithub(request, () => this.progress.publish());
    this.progress = new Progress(
      () => promotionFacts(this.view()),
      ({ for: what }) => this.github.waitsFor(what, this.progress.report()),
    );
    this.approvals = new Approvals(request, this.where, this.progress, this.evidence, (by, note) =>
      this.reject(by, note),
    );
    this.opening = new Opening(request, this.progress, this.evidence, () => this.idle());
    this.forces = new Forces(request.forces, this.progress, this.evidence);
    const { where, progress, forces } = this;
    this.gates = new PromotionGates(request, where, progress, forces, () => this.unpaused());
    this.change = new RequestedChange(request, this.evidence, () => this.stop);
    this.progress.plan([
      ...plan.after.map((earlier) => `good on ${earlier}`),
      ...plan.gates.map((gate) => gate.name),
      ...(plan.approvals.length > 0 ? ['approvals'] : []),
      ...(plan.waitMs > 0 ? ['wait'] : []),
      ...(plan.window === null ? [] : ['window']),
      ...(plan.freeze === undefined ? [] : ['freeze']),
      'change',
    ]);
  }

  /** Before the first await, so that no early message is lost. */
  listen(): void {
    const { plan, artifacts } = this.request;
    setHandler(
      defineSignal<[unknown]>(SIGNAL.outcome),
      (result) => {
        if (isChangeResult(result)) this.change.outcome ??= result;
        else log.warn(`${SIGNAL.outcome} was malformed and is ignored`);
      },
      { description: 'The environment says how its change ended' },
    );
    setHandler(
      defineSignal(SIGNAL.entered),
      () => {
        if (this.phase === 'queued') this.enter();
      },
      { description: 'Its change has left the queue and runs' },
    );
    setHandler(
      defineSignal<[unknown]>(SIGNAL.superseded),
      (superseded) => {
        if (!isSuperseded(superseded)) return log.warn(`${SIGNAL.superseded} was malformed and is ignored`);
        // Once it stands in the queue the environment decides, and says so by the outcome.
        if (this.phase !== 'queued' && this.phase !== 'changing')
          this.stopBecause({ kind: 'superseded', by: superseded.version, decision: null });
      },
      { description: 'A newer release is on its way to the same environment' },
    );
    setHandler(defineSignal(SIGNAL.githubHint), () => this.approvals.hint(), {
      description: 'GitHub may have news of reviews: asks it now',
    });
    setHandler(defineQuery<ProgressStatus>(QUERY.status), () => promotionStatus(this.view(), this.progress), {
      description: 'What this promotion waits for and has done',
    });
    receiveDecisions({
      state: () => ({
        of: 'promotion',
        environment: plan.name,
        taken: this.approvals.decided,
        deaf: this.approvals.deaf,
        phase: this.phase,
        paused: this.paused,
        rules: plan.approvals,
        ...excludingOf(this.request, this.evidence),
        approvals: this.approvals.counted,
        refusesUnsigned: this.approvals.refusesUnsigned,
        planHash: plan.planHash,
        digests: artifacts.map((artifact) => artifact.digest),
      }),
      apply: (decision) => this.apply(decision),
      deny: (word, decision, reason) => this.approvals.deny(word, decision, reason),
      headline: () => this.progress.headline(),
    });
    const whole = CancellationScope.current();
    // The UI's button: the same as a person's abort. The rejection is how a scope says that it was cancelled.
    void whole.cancelRequested.catch(() =>
      this.stopBecause({ kind: 'aborted', by: 'a cancellation', decision: null }),
    );
  }

  private apply(decision: NamedDecision): Applied {
    const { name, by } = decision;
    switch (name) {
      case 'approve':
        return this.approvals.take(decision);
      case 'reject':
        this.reject(by, decision.reason, decision);
        break;
      case 'abort':
        this.progress.take(decision);
        this.stopBecause({ kind: 'aborted', by, decision });
        break;
      case 'pause':
      case 'resume':
        this.progress.take(decision);
        this.paused = name === 'pause';
        break;
      // decide() refuses these to a promotion.
      case 'switchTraffic':
      case 'back':
      case 'retryStep':
      case 'skipHost':
      case 'freeze':
      case 'unfreeze':
    }
    return 'done';
  }

  /** `decision` null = on GitHub. */
  private reject(by: string, note: string | null, decision: NamedDecision | null = null): void {
    this.record({ kind: 'approval', name: 'approval', verdict: 'fail', by, note });
    this.stopBecause({ kind: 'rejected', by, decision, reason: note });
  }

  /** The first word counts. */
  private stopBecause(stop: Stop): void {
    if (this.stop !== null || this.phase === 'ended') return;
    this.stop = stop;
    this.preparing.cancel();
  }

  async carryOut(): Promise<PromotionResult> {
    const { plan, version, commit, actor, artifacts } = this.request;
    describeRun({
      pipeline: plan.pipeline,
      environment: plan.name,
      version,
      commit: commit.sha,
      actor: actor.by,
      forced: forcedGates({ artifacts }).length > 0,
    });
    let refusal: FailureReport | null = null;
    try {
      await this.preparing.run(() => this.prepare());
    } catch (error) {
      refusal = this.explain(error);
    }
    return await CancellationScope.nonCancellable(async () => {
      const asked = refusal === null && this.stop === null;
      if (asked) refusal = await this.follow();
      if (!asked || this.change.outcome === null)
        await attempt('say that it ended', this.where, () => this.announce('ended'));
      return await this.conclude(refusal);
    });
  }

  /** null = it was stopped, which is no failure. */
  private explain(error: unknown): FailureReport | null {
    if (this.stop !== null) return null;
    if (isCancellation(error)) {
      this.stop = { kind: 'aborted', by: 'a cancellation', decision: null };
      return null;
    }
    if (error instanceof Refusal) return error.report;
    const { version, plan } = this.request;
    return readFailure(error, this.where, `slipway release ${version} --to ${plan.name}`).report;
  }

  private async prepare(): Promise<void> {
    const { plan } = this.request;
    this.progress.publish();
    if (this.waits()) this.github.begins();
    // What waits for nothing stands in the queue at once.
    if (this.waits() || !patched('announces-only-a-wait')) await this.announce('waiting');
    for (const earlier of plan.after) await this.beGoodOn(earlier);
    await this.gates.pass();
    await this.beApproved();
    do await this.beOpen();
    while (await this.gates.passOldAgain());
  }

  /** The clocks, and a person who has paused it. */
  private async beOpen(): Promise<void> {
    await this.waitOut();
    await this.opening.wait();
    // The window may have closed while it was paused.
    while (this.paused) {
      await this.unpaused();
      if (patched('window-after-pause')) await this.opening.wait();
    }
  }

  /** Is there anything between here and the queue? */
  private waits(): boolean {
    const { after, gates, approvals, waitMs, window, freeze = [] } = this.request.plan;
    const lists = [after, gates, approvals, freeze];
    return lists.some((each) => each.length > 0) || waitMs > 0 || window !== null;
  }

  private async announce(phase: 'waiting' | 'ended'): Promise<void> {
    const { plan, requestId, version, commit } = this.request;
    const info = workflowInfo();
    const announcement = {
      requestId,
      workflowId: info.workflowId,
      phase,
      version,
      commit: commit.sha,
      supersedes: [],
      waitingFor: plan.approvals.length > 0 ? 'approvals' : null,
      since: info.startTime.toISOString(),
      queue: plan.queue,
    };
    const input = { pipeline: plan.pipeline, environment: plan.name, announcement };
    const summary = `${version} ${phase} to ${plan.name}`;
    await perform('announce', input, { summary, awaited: waitsForItsWords() });
  }

  /** `after`: the same commit was good there. Within one release it has just become so. */
  private async beGoodOn(earlier: string): Promise<void> {
    await this.unpaused();
    const { plan, commit, version, ref } = this.request;
    const name = `good on ${earlier}`;
    this.progress.begin(name);
    const input = { pipeline: plan.pipeline, environment: earlier, requestId: null, commit: commit.sha };
    const { goodCommits, receipts } = await perform('askEnvironment', input, {
      summary: `was ${version} good there?`,
    });
    const good = goodCommits.includes(commit.sha);
    const verdict = good ? 'pass' : 'fail';
    const proven = receipts === undefined ? {} : { receipts };
    this.record({ kind: 'gate', name, verdict, by: null, note: null, ...proven });
    this.progress.set(name, good ? 'succeeded' : 'failed', null);
    if (!good)
      throw new Refusal({
        what: `${version} (${commit.sha.slice(0, 7)}) was not good on ${earlier}`,
        where: this.where,
        why: `${plan.name} comes after ${earlier}`,
        wayOut: wayToBeGood({
          ...{ commit, ref, version, earlier, to: plan.name },
          isGood: (sha) => goodCommits.includes(sha),
        }),
      });
  }

  private async beApproved(): Promise<void> {
    if (this.request.plan.approvals.length === 0) return;
    await this.unpaused();
    this.phase = 'approvals';
    await this.approvals.gather();
  }

  private async waitOut(): Promise<void> {
    const { waitMs } = this.request.plan;
    if (waitMs === 0) return;
    await this.idle();
    this.progress.begin('wait');
    const wait = { for: 'the wait timer', then: 'goes on by itself', ms: waitMs, person: false };
    await this.progress.wait(wait, () => false);
    this.record({ kind: 'wait', name: 'wait timer', verdict: 'pass', by: null, note: null });
    this.progress.set('wait', 'succeeded', null);
  }

  private async idle(): Promise<void> {
    await this.unpaused();
    this.phase = 'waiting';
  }

  private async unpaused(): Promise<void> {
    if (this.paused) await this.progress.waitForPerson('resume', () => !this.paused);
  }

  private record(item: Omit<EvidenceItem, 'at'>): void {
    this.evidence.push({ ...item, at: new Date().toISOString() });
  }

  /** In the queue, then in flight. Answers why the environment could not be asked. */
  private async follow(): Promise<FailureReport | null> {
    const { plan } = this.request;
    this.phase = 'queued';
    this.progress.begin('change', `in the queue of ${plan.name}`);
    this.progress.set('change', 'waiting', `in the queue of ${plan.name}`);
    this.github.standsInQueue();
    return await this.change.follow();
  }

  private enter(): void {
    this.phase = 'changing';
    const { pipeline, name } = this.request.plan;
    this.progress.begin('change', `changes ${name}`);
    this.progress.set('change', 'running', `in ${laneId(pipeline, name)}`);
    this.github.changes();
  }

  private async conclude(refusal: FailureReport | null): Promise<PromotionResult> {
    const { request, stop, evidence } = this;
    const change = this.change.outcome;
    const result = concludePromotion({ request, stop, refusal, change, evidence });
    this.phase = 'ended';
    this.failure = result.failure;
    this.progress.takeOver(change?.said?.decisions ?? []);
    if (change !== null) this.progress.set('change', change.state, change.headline);
    this.progress.interrupt(result.state);
    this.progress.end(result.state, result.headline);
    await this.github.ended(result, this.progress.report());
    if (this.github.untold !== null) this.progress.publishAgain();
    return endPromotion(result);
  }

  private view(): PromotionView {
    const { request, approvals, forces, evidence, failure, phase } = this;
    const { untold } = this.github;
    return {
      request,
      approvals: approvals.counted,
      denials: [...forces.denials, ...approvals.denials],
      claims: approvals.unheard,
      decided: approvals.decided,
      onGithub: approvals.onGithub,
      evidence,
      failure,
      phase,
      unwind: this.change.outcome?.unwind ?? [],
      untold,
    };
  }
}
