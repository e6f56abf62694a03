/**
 * What the fault matrix of release and promotion consists of: whole releases through environments that serve
 * something already. Their activities are read from the history of a calm run, so a new one is in it by itself.
 */
import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import type { EnvironmentPlan, FreezePlan, ReleasePlan } from '../../pipeline/plan.js';
import type { TemporalLink } from '../../client/connect.js';
import { startRelease } from '../../client/start-release.js';
import type { Activities } from '../../workflows/activity-contract.js';
import { newEnvironment } from '../../workflows/environment-memory.js';
import type { EnvironmentInput, EnvironmentState, ReleaseRequest } from '../../workflows/messages.js';
import { environmentId, promotionId, releaseId, WORKFLOW } from '../../workflows/names.js';
import type { release } from '../../workflows/release.js';
import { givenScene, type Scene } from '../support/change-scene.js';
import { EnvironmentScene, sha } from '../support/environment-scene.js';
import { breakActivity, planKey, release as letGo, type FaultKind } from '../support/fake-world.js';
import {
  givenCommit,
  givenGate,
  givenPlan,
  givenPlanInPlace,
  givenRecord,
  givenReleasePlan,
  givenReleaseRequest,
  givenRule,
} from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { until, type Harness } from '../support/workflow-harness.js';

/** `release`, or the environment a promotion goes to. */
export type Caller = 'release' | (string & {});

/** One activity of a run: the `after`-th call of its name has gone before. */
export interface Call {
  caller: Caller;
  activity: keyof Activities;
  after: number;
}

export interface Setting {
  name: string;
  /** In the order of `after`. */
  environments: (pipeline: string) => EnvironmentPlan[];
  /** What serves before; null = nothing ever did. */
  live: string | null;
  /** A promotion of an older commit waits for its approval when the release comes. */
  older: boolean;
  /** Every way to go wrong is tried here; in the others those that may end differently where they differ. */
  thorough: boolean;
}

const GATE = givenGate();
export const ONE_APPROVAL = givenRule(1);

const LONG_OVER: FreezePlan = {
  from: '2026-01-01T00:00:00.000Z',
  until: '2026-01-02T00:00:00.000Z',
  text: '2026-01-01 to 2026-01-01 UTC',
  reason: null,
  by: 'pipeline file',
};

/** The change has a matrix of its own: here it is as short as it can be and yet be undone. */
const SHORT = { steps: ['claim', 'proveWayBack', 'deploy', 'switch'], tags: [] };
const SHORT_IN_PLACE = { steps: ['claim', 'proveWayBack', 'deploy'], tags: [] };

export const SETTINGS: Setting[] = [
  {
    name: 'the newest wins, over a live release',
    environments: (pipeline) => [
      givenPlan({
        ...SHORT,
        pipeline,
        name: 'prod',
        after: ['stage'],
        gates: [GATE],
        window: { days: 'Mon-Sun', hours: '00:00-24:00', zone: 'UTC' },
        freeze: [LONG_OVER],
      }),
    ],
    live: 'v1',
    older: true,
    thorough: true,
  },
  {
    name: 'two environments in order, first release',
    environments: (pipeline) => [
      givenPlanInPlace({ ...SHORT_IN_PLACE, pipeline, name: 'stage', queue: 'fifo' }),
      givenPlanInPlace({ ...SHORT_IN_PLACE, pipeline, name: 'prod', queue: 'fifo', after: ['stage'] }),
    ],
    live: null,
    older: false,
    thorough: false,
  },
];

const OLDER = 2;
const RELEASED = 3;
export const VERSION = `v${RELEASED}`;

export interface Place {
  plan: EnvironmentPlan;
  scene: Scene;
  environment: EnvironmentScene;
  /** What an undo must bring back. */
  before: unknown;
}

/** One release, with environments, a commit and a plan of its own. Nothing runs yet. */
export class ReleaseCase {
  readonly pipeline = `shop-${randomUUID().slice(0, 8)}`;
  request: ReleaseRequest;
  /** Of releases of the same version that a person asked for before. */
  readonly earlierRequests: string[] = [];
  readonly places: Place[];
  readonly plan: ReleasePlan;
  older: PromotionScene | null = null;

  constructor(
    readonly harness: Harness,
    readonly setting: Setting,
    change: (plan: EnvironmentPlan) => EnvironmentPlan = (plan) => plan,
  ) {
    const environments = setting.environments(this.pipeline).map(change);
    this.places = environments.map((plan) => {
      const scene = givenScene(harness, plan, { live: setting.live });
      return { plan, scene, environment: new EnvironmentScene(harness, plan), before: scene.visible() };
    });
    const { pipeline } = this;
    this.request = givenReleaseRequest({
      requestId: randomUUID(),
      pipeline,
      commit: sha(RELEASED),
      version: VERSION,
      actor: { by: 'vadim', proof: 'unverified' },
    });
    this.plan = givenReleasePlan(environments, {
      pipeline,
      version: VERSION,
      commit: givenCommit({ sha: sha(RELEASED) }),
      artifacts: [{ kind: 'folder', name: 'app', folder: 'dist' }],
      gates: [GATE],
    });
    harness.world.update(({ plans }) => {
      plans[planKey(this.pipeline, this.request.commit)] = this.plan;
    });
  }

  /** The environments as earlier releases left them, and the older one on its way. */
  async prepare(): Promise<void> {
    const served = this.places.map(({ plan, scene }) =>
      this.startEnvironment(plan.name, scene.live === null ? {} : { live: scene.live, good: [scene.live] }),
    );
    const earlier = this.places
      .flatMap(({ plan }) => plan.after)
      .filter((name) => !this.places.some(({ plan }) => plan.name === name));
    const [first] = this.places;
    const good = first === undefined ? [] : [givenRecord(first.plan, VERSION, null)];
    const passed = earlier.map((name) =>
      this.startEnvironment(name, { good: good.map((record) => ({ ...record, commit: this.plan.commit })) }),
    );
    await Promise.all([...served, ...passed]);
    if (!this.setting.older || first === undefined) return;
    const waiting = { ...first.plan, approvals: [ONE_APPROVAL], after: [], gates: [] };
    this.older = await PromotionScene.start(this.harness, givenPromotion(waiting, OLDER));
    await first.environment.until('the older one is known', ({ announced }) => announced.length === 1);
  }

  private async startEnvironment(environment: string, known: Partial<EnvironmentState>): Promise<void> {
    const { pipeline } = this;
    const carried = { ...newEnvironment(pipeline, environment), token: 1, ...known };
    const input: EnvironmentInput = { pipeline, environment, carried };
    await this.harness.client.workflow.start(WORKFLOW.environment, {
      workflowId: environmentId(pipeline, environment),
      taskQueue: this.harness.taskQueue,
      args: [input],
    });
  }

  get handle(): WorkflowHandle<typeof release> {
    return this.harness.client.workflow.getHandle<typeof release>(this.idOf('release'));
  }

  async start(): Promise<void> {
    await this.prepare();
    await this.begin();
  }

  async begin(): Promise<void> {
    await this.harness.client.workflow.start<typeof release>(WORKFLOW.release, {
      workflowId: this.idOf('release'),
      taskQueue: this.harness.taskQueue,
      args: [this.request],
    });
  }

  /** As a person would, by the command: joins what runs, or starts anew. */
  async startByHand(link: TemporalLink): Promise<{ joined: boolean }> {
    return await startRelease(link, this.request);
  }

  /** The same release asked for again; of what joins a running one nothing is kept. */
  async askAgain(link: TemporalLink): Promise<{ joined: boolean }> {
    const request = { ...this.request, requestId: randomUUID() };
    const { joined } = await startRelease(link, request);
    if (joined) return { joined };
    this.earlierRequests.push(this.request.requestId);
    this.request = request;
    return { joined };
  }

  idOf(caller: Caller): string {
    return caller === 'release'
      ? releaseId(this.pipeline, VERSION)
      : promotionId(this.pipeline, caller, this.request.requestId);
  }

  handleOf(caller: Caller): WorkflowHandle {
    return this.harness.client.workflow.getHandle(this.idOf(caller));
  }

  break(call: Call, kind: FaultKind): void {
    breakActivity(this.harness.world, this.placeOf(call), call.activity, kind, { after: call.after });
  }

  /** Waits until the call stands still. */
  async arrived(call: Call): Promise<void> {
    const where = `${this.placeOf(call)} ${call.activity}`;
    await until(`${where} stands still`, () => this.harness.world.glance().arrived.includes(where));
  }

  /** A call that was deaf to a cancellation has done its work nevertheless. */
  async finished(call: Call): Promise<void> {
    const where = `${this.placeOf(call)} ${call.activity}`;
    await until(`${where} is done`, () => this.harness.world.glance().finished.includes(where));
  }

  letGo(call: Call): void {
    letGo(this.harness.world, this.placeOf(call), call.activity);
  }

  /** Where the fault of a call is kept: a build knows what it is to die in the middle, the others have no half. */
  private placeOf({ caller, activity }: Call): string {
    return activity === 'buildArtifacts' ? this.pipeline : this.idOf(caller);
  }

  /** All calls of the release and its promotions so far, in the order of each. */
  async calls(): Promise<Call[]> {
    const callers: Caller[] = ['release', ...this.places.map(({ plan }) => plan.name)];
    const started = await Promise.all(
      callers.map(async (caller) => ((await this.isStarted(caller)) ? await this.callsOf(caller) : [])),
    );
    return started.flat();
  }

  private async isStarted(caller: Caller): Promise<boolean> {
    try {
      await this.handleOf(caller).describe();
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }

  private async callsOf(caller: Caller): Promise<Call[]> {
    const { activities } = this.harness;
    const isActivity = (name: string): name is keyof Activities => name in activities;
    const { events } = await this.handleOf(caller).fetchHistory();
    const names = (events ?? [])
      .map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? '')
      .filter(isActivity);
    return names.map((activity, place) => {
      const after = names.slice(0, place).filter((each) => each === activity).length;
      return { caller, activity, after };
    });
  }
}

/** `prod: announce, after 1`: how a cell of the matrix is named. */
export function nameOf({ caller, activity, after }: Call): string {
  return `${caller}: ${activity}${after === 0 ? '' : `, after ${after}`}`;
}
