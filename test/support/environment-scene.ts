/** One environment entity on the run's server: ask, decide, look, hold its changes still. */
import { randomUUID } from 'node:crypto';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import type { DecisionName } from '../../workflows/decisions.js';
import type {
  ChangeRequest,
  Decision,
  DecisionReply,
  EnvironmentInput,
  EnvironmentRequest,
  EnvironmentStatus,
} from '../../workflows/messages.js';
import type { SignedStatement } from '../../workflows/signed-statements.js';
import { environmentId, laneId, QUERY, SIGNAL, WORKFLOW } from '../../workflows/names.js';
import type { ChangeResult } from '../../workflows/result.js';
import {
  breakActivity,
  environmentKey,
  release,
  type FakeEnvironment,
  type FaultKind,
} from './fake-world.js';
import { givenCommit, givenDecision, givenRequest } from './given.js';
import { until, type Harness } from './workflow-harness.js';

export const sha = (number: number): string => `${number}`.padStart(40, '0');

/** Lower numbers are ancestors. */
export function olderThan(commit: string, candidates: string[]): string[] {
  return candidates.filter((candidate) => Number(candidate) < Number(commit));
}

/** Version `vN` has the commit `sha(N)`. */
export function givenVersion(
  plan: EnvironmentPlan,
  number: number,
  changes: Partial<ChangeRequest> = {},
): ChangeRequest {
  return givenRequest(plan, `v${number}`, 'deploy', {
    commit: givenCommit({ sha: sha(number) }),
    ...changes,
  });
}

export class EnvironmentScene {
  readonly id: string;
  readonly lane: string;
  private readonly key: string;

  constructor(
    private readonly harness: Harness,
    readonly plan: EnvironmentPlan,
    private readonly signalLimit?: number,
  ) {
    this.id = environmentId(plan.pipeline, plan.name);
    this.lane = laneId(plan.pipeline, plan.name);
    this.key = environmentKey(plan.pipeline, plan.name);
  }

  async send(signal: string, payload: unknown): Promise<void> {
    const { pipeline, name: environment } = this.plan;
    const { signalLimit } = this;
    const input: EnvironmentInput = {
      pipeline,
      environment,
      carried: null,
      ...(signalLimit === undefined ? {} : { signalLimit }),
    };
    await this.harness.client.workflow.signalWithStart(WORKFLOW.environment, {
      workflowId: this.id,
      taskQueue: this.harness.taskQueue,
      args: [input],
      signal,
      signalArgs: [payload],
    });
  }

  async ask(request: ChangeRequest): Promise<ChangeRequest> {
    const asked: EnvironmentRequest = { type: 'change', request };
    await this.send(SIGNAL.request, asked);
    return request;
  }

  /** Asks for the version and waits until it is live. */
  async release(number: number): Promise<ChangeResult> {
    const { requestId } = await this.ask(givenVersion(this.plan, number));
    return await this.ended(requestId);
  }

  /** Answers the request's id. */
  async rollback(
    version: string | null = null,
    statement?: SignedStatement,
    restoreDatabase?: string,
  ): Promise<string> {
    const requestId = randomUUID();
    const asked: EnvironmentRequest = {
      type: 'rollback',
      requestId,
      version,
      actor: { by: 'oleg', proof: 'unverified' },
      reason: 'it is slow',
      ...(statement === undefined ? {} : { statement }),
      ...(restoreDatabase === undefined ? {} : { restoreDatabase }),
    };
    await this.send(SIGNAL.request, asked);
    return requestId;
  }

  async status(): Promise<EnvironmentStatus> {
    return await this.harness.client.workflow.getHandle(this.id).query<EnvironmentStatus>(QUERY.status);
  }

  async until(what: string, holds: (status: EnvironmentStatus) => boolean): Promise<EnvironmentStatus> {
    return await until(what, async () => {
      const status = await this.status();
      return holds(status) ? status : null;
    });
  }

  async ended(requestId: string): Promise<ChangeResult> {
    const status = await this.until(`request ${requestId} has ended`, ({ processed }) =>
      processed.some((each) => each.requestId === requestId),
    );
    const found = status.processed.find((each) => each.requestId === requestId);
    if (found === undefined) throw new Error(`request ${requestId} vanished`);
    return found.result;
  }

  async decide(name: DecisionName, decision: Partial<Decision> = {}): Promise<DecisionReply> {
    return await this.harness.client.workflow
      .getHandle(this.id)
      .executeUpdate<DecisionReply, [Decision]>(name, { args: [givenDecision('irina', decision)] });
  }

  break(activity: keyof Activities, kind: FaultKind, options?: Parameters<typeof breakActivity>[4]): void {
    breakActivity(this.harness.world, this.key, activity, kind, options);
  }

  /** The next call of the activity stands still until the answer is called. */
  hold(activity: keyof Activities): { arrived: () => Promise<void>; release: () => void } {
    const { world } = this.harness;
    const where = `${this.key} ${activity}`;
    world.update((state) => {
      state.arrived = state.arrived.filter((each) => each !== where);
      state.released = state.released.filter((each) => each !== where);
    });
    breakActivity(world, this.key, activity, 'hang-before');
    return {
      arrived: async () => {
        await until(`${where} stands still`, () => world.glance().arrived.includes(where));
      },
      release: () => release(world, this.key, activity),
    };
  }

  /** As somebody does it by hand. */
  mendDatabase(revision: string): void {
    this.harness.world.update(({ environments }) => {
      const environment = environments[this.key];
      if (environment !== undefined) environment.database = revision;
    });
  }

  world(): FakeEnvironment {
    const environment = this.harness.world.read().environments[this.key];
    if (environment === undefined) throw new Error(`nobody has touched ${this.key}`);
    return environment;
  }

  /** What runs where traffic goes, on every host: one text when all agree. */
  serving(): string {
    const { proxy, hosts } = this.world();
    const running = Object.values(hosts).map(
      (host) => host.slots[proxy ?? 'live']?.split('@')[0] ?? 'nothing',
    );
    return [...new Set(running)].join(' and ');
  }

  async terminateLane(): Promise<void> {
    await this.harness.client.workflow.getHandle(this.lane).terminate('a person ends it');
  }
}
