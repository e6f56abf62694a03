/** A promotion's request: in the queue of its environment, then in flight, until its outcome is known. */
import { condition, workflowInfo } from '@temporalio/workflow';
import { perform } from './activity-options.js';
import { attempt } from './attempt.js';
import type { Decision, PromotionRequest } from './messages.js';
import { forgotten, type Stop } from './promotion-end.js';
import { readFailure } from './read-failure.js';
import type { ChangeResult, EvidenceItem, FailureReport } from './result.js';

const ASK_AGAIN_MS = 10 * 60_000;

export class RequestedChange {
  /** How it ended, in the environment's words; null = not yet, or nothing came of the request. */
  outcome: ChangeResult | null = null;
  private withdrawn = false;
  private readonly where: string;

  constructor(
    private readonly request: PromotionRequest,
    private readonly evidence: EvidenceItem[],
    /** Somebody's word that it is not wanted any more. */
    private readonly stop: () => Stop | null,
  ) {
    this.where = `${request.plan.pipeline} ${request.plan.name}`;
  }

  /**
   * Until the environment has said how it ended: its word counts. Answers why the environment could not be asked;
   * whatever it has of this request nevertheless has been taken back then.
   */
  async follow(): Promise<FailureReport | null> {
    const { plan, version } = this.request;
    try {
      await this.ask();
    } catch (error) {
      const wayOut = `slipway release ${version} --to ${plan.name}`;
      const { report } = readFailure(error, this.where, wayOut);
      await this.takeBack(report);
      return report;
    }
    let tried = false;
    while (this.outcome === null) {
      const news = await condition(
        () => this.outcome !== null || (this.stop() !== null && !tried),
        ASK_AGAIN_MS,
        { summary: `waits for the outcome on ${plan.name}; asks it again` },
      );
      if (!news) await attempt('ask for the outcome', this.where, () => this.askAgain());
      else if (this.outcome === null) {
        tried = true;
        await attempt('take the request back', this.where, () => this.withdraw());
      }
    }
    return null;
  }

  private async ask(): Promise<void> {
    const { plan, requestId, version, commit, artifacts, actor, reason } = this.request;
    const { workflowId: promotionId } = workflowInfo();
    const { evidence } = this;
    const request = {
      kind: 'deploy' as const,
      requestId,
      version,
      commit,
      plan,
      artifacts,
      actor,
      reason,
      evidence,
      promotionId,
    };
    const input = {
      pipeline: plan.pipeline,
      environment: plan.name,
      request: { type: 'change' as const, request },
    };
    await perform('requestChange', input, { summary: `${version} on ${plan.name}` });
  }

  /** The request may have come in though its reply says no: what came of it is waited for, if anything did. */
  private async takeBack({ what }: FailureReport): Promise<void> {
    const { plan, requestId } = this.request;
    await attempt('take the request back', this.where, () => this.withdraw(`slipway, ${what}`));
    const input = { pipeline: plan.pipeline, environment: plan.name, requestId };
    await attempt('ask what came of the request', this.where, async () => {
      for (;;) {
        const answer = await perform('askEnvironment', input, { summary: `does ${plan.name} know it?` });
        this.outcome ??= answer.result;
        if (this.outcome !== null || !answer.knows) return;
        const summary = `waits until it is taken back on ${plan.name}`;
        if (await condition(() => this.outcome !== null, ASK_AGAIN_MS, { summary })) return;
      }
    });
  }

  /** The outcome may have been lost with the environment; the same request twice is one change. */
  private async askAgain(): Promise<void> {
    const { plan, requestId } = this.request;
    const input = { pipeline: plan.pipeline, environment: plan.name, requestId };
    const answer = await perform('askEnvironment', input, { summary: `how is it on ${plan.name}?` });
    const stopped = this.stop() !== null;
    if (answer.result !== null) this.outcome ??= answer.result;
    else if (!answer.knows && !stopped) await this.ask();
    else if (!answer.knows) this.outcome = forgotten(this.request, answer.live);
    else if (stopped && !this.withdrawn) await this.withdraw();
  }

  private async withdraw(by = this.stop()?.by ?? 'a cancellation'): Promise<void> {
    const { plan, requestId } = this.request;
    const withdrawal = { requestId, decision: this.stop()?.decision ?? decisionOf(by) };
    const input = { pipeline: plan.pipeline, environment: plan.name, withdrawal };
    await perform('withdrawRequest', input, { summary: `from ${plan.name}` });
    this.withdrawn = true;
  }
}

function decisionOf(by: string): Decision {
  const nothing = { reason: null, planHash: null, digest: null, group: null, host: null, until: null };
  return { ...nothing, by, proof: 'unverified', decisionId: `cancel-${workflowInfo().runId}` };
}
