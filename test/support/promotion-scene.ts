/** One promotion on the run's server: start, decide, follow to its end whether red or not. */
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { DecisionName } from '../../workflows/decisions.js';
import type { Decision, DecisionReply, ProgressStatus, PromotionRequest } from '../../workflows/messages.js';
import { promotionId, QUERY, WORKFLOW } from '../../workflows/names.js';
import type { promotion } from '../../workflows/promotion.js';
import type { PromotionResult } from '../../workflows/result.js';
import { sha } from './environment-scene.js';
import { givenArtifacts, givenCommit, givenDecision } from './given.js';
import { until, type Harness } from './workflow-harness.js';

export function givenPromotion(
  plan: EnvironmentPlan,
  number: number,
  changes: Partial<PromotionRequest> = {},
): PromotionRequest {
  const version = `v${number}`;
  return {
    requestId: randomUUID(),
    releaseId: `release/${plan.pipeline}/${version}`,
    version,
    commit: givenCommit({ sha: sha(number) }),
    ref: { kind: 'tag', name: version },
    repositoryUrl: '/srv/shop.git',
    plan,
    artifacts: givenArtifacts(version),
    actor: { by: 'vadim', proof: 'unverified' },
    reason: null,
    ...changes,
  };
}

export class PromotionScene {
  private constructor(readonly handle: WorkflowHandle<typeof promotion>) {}

  static async start({ client, taskQueue }: Harness, request: PromotionRequest): Promise<PromotionScene> {
    const { pipeline, name } = request.plan;
    const handle = await client.workflow.start<typeof promotion>(WORKFLOW.promotion, {
      workflowId: promotionId(pipeline, name, request.requestId),
      taskQueue,
      args: [request],
    });
    return new PromotionScene(handle);
  }

  static of({ client }: Harness, workflowId: string): PromotionScene {
    return new PromotionScene(client.workflow.getHandle<typeof promotion>(workflowId));
  }

  async decide(name: DecisionName, by: string, decision: Partial<Decision> = {}): Promise<DecisionReply> {
    const args: [Decision] = [givenDecision(by, decision)];
    return await this.handle.executeUpdate<DecisionReply, [Decision]>(name, { args });
  }

  async status(): Promise<ProgressStatus> {
    return await this.handle.query<ProgressStatus>(QUERY.status);
  }

  async until(what: string, holds: (status: ProgressStatus) => boolean): Promise<ProgressStatus> {
    return await until(what, async () => {
      const status = await this.status();
      return holds(status) ? status : null;
    });
  }

  async waitsFor(text: string): Promise<ProgressStatus> {
    return await this.until(
      `the promotion waits for ${text}`,
      (status) => status.waitingFor?.includes(text) === true,
    );
  }

  /** The result and how the run ended in Temporal's eyes. */
  async end(): Promise<PromotionResult & { red: boolean; message: string }> {
    return await endOf<PromotionResult>(this.handle);
  }
}

/** Of a release or promotion: a red one carries its result as the failure's first detail. */
export async function endOf<Result>(
  handle: Pick<WorkflowHandle, 'result'>,
): Promise<Result & { red: boolean; message: string }> {
  try {
    const result: Result = await handle.result();
    return { ...result, red: false, message: '' };
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : null;
    if (!(cause instanceof ApplicationFailure)) throw error;
    const details: unknown[] = cause.details ?? [];
    const isResult = (value: unknown): value is Result => typeof value === 'object' && value !== null;
    const [result] = details.filter(isResult);
    if (result === undefined) throw error;
    return { ...result, red: true, message: cause.message };
  }
}
