/** Releases of a pipeline of its own on the run's server: commits are numbers, lower ones are ancestors. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { badInput } from '../../activities/failure.js';
import type { EnvironmentPlan, ReleasePlan } from '../../pipeline/plan.js';
import type { DecisionName } from '../../workflows/decisions.js';
import type { Decision, DecisionReply, Force, ReleaseStatus } from '../../workflows/messages.js';
import { promotionId, QUERY, releaseId, WORKFLOW } from '../../workflows/names.js';
import type { release } from '../../workflows/release.js';
import type { ReleaseResult } from '../../workflows/result.js';
import { EnvironmentScene, olderThan, sha } from './environment-scene.js';
import { breakActivity, planKey } from './fake-world.js';
import { givenCommit, givenDecision, givenPlan, givenReleasePlan, givenReleaseRequest } from './given.js';
import { endOf, PromotionScene } from './promotion-scene.js';
import { startHarness, until, type Harness, type HarnessOptions } from './workflow-harness.js';

/** What resolvePlan answers, by pipeline and commit. */
export type Plans = Map<string, ReleasePlan>;

export async function startReleaseHarness(plans: Plans, options: HarnessOptions = {}): Promise<Harness> {
  return await startHarness({
    ...options,
    plan: ({ pipeline, commit }) => {
      const plan = plans.get(planKey(pipeline, commit));
      if (plan === undefined)
        throw badInput({
          what: 'no such tag',
          where: 'slipway.yaml:3:1',
          why: null,
          wayOut: 'push it first',
        });
      return plan;
    },
    ancestors: olderThan,
  });
}

/** A pipeline of its own per test: its environments belong to nobody else. */
export class ReleasePipeline {
  readonly name = `shop-${randomUUID().slice(0, 8)}`;

  constructor(
    private readonly harness: Harness,
    private readonly plans: Plans,
  ) {}

  environment(name: string, overrides: Partial<EnvironmentPlan> = {}): EnvironmentPlan {
    return givenPlan({ pipeline: this.name, name, ...overrides });
  }

  scene(plan: EnvironmentPlan): EnvironmentScene {
    return new EnvironmentScene(this.harness, plan);
  }

  async release(
    number: number,
    environments: EnvironmentPlan[],
    changes: Partial<ReleasePlan> = {},
    forces: Force[] = [],
  ): Promise<ReleaseScene> {
    const plan = givenReleasePlan(environments, {
      pipeline: this.name,
      version: `v${number}`,
      commit: givenCommit({ sha: sha(number) }),
      artifacts: [{ kind: 'folder', name: 'app', folder: 'dist' }],
      ...changes,
    });
    this.plans.set(planKey(this.name, sha(number)), plan);
    return await this.start(number, randomUUID(), forces);
  }

  /** `requestId`: the same request once more. */
  async start(number: number, requestId: string = randomUUID(), forces: Force[] = []): Promise<ReleaseScene> {
    const version = `v${number}`;
    const request = givenReleaseRequest({
      requestId,
      pipeline: this.name,
      commit: sha(number),
      version,
      actor: { by: 'vadim', proof: 'unverified' },
      ...(forces.length === 0 ? {} : { forces }),
    });
    const handle = await this.harness.client.workflow.start<typeof release>(WORKFLOW.release, {
      workflowId: releaseId(this.name, version),
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: this.harness.taskQueue,
      args: [request],
    });
    return new ReleaseScene(this.harness, handle, this.name, request.requestId);
  }

  calls(activity: string): number {
    const { environments } = this.harness.world.read();
    return environments[this.name]?.calls.filter((call) => call === activity).length ?? 0;
  }

  hold(activity: 'buildArtifacts' | 'runGate'): { arrived: () => Promise<void> } {
    breakActivity(this.harness.world, this.name, activity, 'hang-before');
    return {
      arrived: async () => {
        await until(`${activity} stands still`, () =>
          this.harness.world.read().arrived.includes(`${this.name} ${activity}`),
        );
      },
    };
  }
}

/** One release under way. */
export class ReleaseScene {
  constructor(
    private readonly harness: Harness,
    readonly handle: WorkflowHandle<typeof release>,
    private readonly pipeline: string,
    readonly requestId: string,
  ) {}

  async end(): Promise<ReleaseResult & { red: boolean; message: string }> {
    return await endOf<ReleaseResult>(this.handle);
  }

  async status(): Promise<ReleaseStatus> {
    return await this.handle.query<ReleaseStatus>(QUERY.status);
  }

  async decide(name: DecisionName, by: string): Promise<DecisionReply> {
    const args: [Decision] = [givenDecision(by)];
    return await this.handle.executeUpdate<DecisionReply, [Decision]>(name, { args });
  }

  async promotion(environment: string): Promise<PromotionScene> {
    const id = promotionId(this.pipeline, environment, this.requestId);
    await until(`${id} has started`, async () =>
      (await this.status()).promotions.some((promotion) => promotion.environment === environment),
    );
    return PromotionScene.of(this.harness, id);
  }
}
