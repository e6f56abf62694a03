/** One environment in the fake world and one change of it: seed, start, decide, look. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import type { change } from '../../workflows/change.js';
import type { DecisionName } from '../../workflows/decisions.js';
import type {
  ChangeInput,
  ChangeKind,
  Decision,
  DecisionReply,
  ProgressStatus,
} from '../../workflows/messages.js';
import { laneId, QUERY, WORKFLOW } from '../../workflows/names.js';
import type { ChangeResult, ReleaseRecord } from '../../workflows/result.js';
import { runningOf } from './fake-hosts.js';
import {
  breakActivity,
  environmentIn,
  environmentKey,
  mend,
  release,
  visible,
  type FakeEnvironment,
  type Slot,
} from './fake-world.js';
import { givenChange, givenDecision, givenRecord, givenRequest } from './given.js';
import { until, type Harness } from './workflow-harness.js';

export interface Scene {
  key: string;
  plan: EnvironmentPlan;
  live: ReleaseRecord | null;
  warm: ReleaseRecord | null;
  break: (activity: keyof Activities, ...fault: Tail<Parameters<typeof breakActivity>>) => void;
  mend: () => void;
  /** Waits until the activity stands still. */
  arrived: (activity: keyof Activities) => Promise<void>;
  /** Waits until the call was made: `switchTraffic blue`. */
  arrivedAt: (call: string) => Promise<void>;
  release: (activity: keyof Activities) => void;
  now: () => FakeEnvironment | undefined;
  /** What an undo must bring back. */
  visible: () => unknown;
}

type Tail<All extends unknown[]> = All extends [unknown, unknown, unknown, ...infer Rest] ? Rest : never;

/** `live` serves (blue when there are colours), `warm` runs in the other colour. */
export function givenScene(
  { world }: Pick<Harness, 'world'>,
  plan: EnvironmentPlan,
  versions: { live: string | null; warm?: string } = { live: 'v1' },
): Scene {
  const key = environmentKey(plan.pipeline, plan.name);
  const colour: Colour | null = plan.strategy === 'blue-green' ? 'blue' : null;
  const live = versions.live === null ? null : givenRecord(plan, versions.live, colour);
  const warm = versions.warm === undefined ? null : givenRecord(plan, versions.warm, 'green');
  const hosts = plan.hosts.map((host) => host.name);
  world.update((state) => {
    const environment = environmentIn(state, key, hosts);
    if (live !== null && plan.traffic?.proxies === undefined) environment.proxy = colour;
    else if (live !== null) environment.proxies = Object.fromEntries(hosts.map((host) => [host, colour]));
    for (const host of Object.values(environment.hosts)) {
      host.fence = 1;
      if (live !== null) host.slots[colour ?? 'live'] = runningOf(live);
      if (warm !== null) host.slots.green = runningOf(warm);
    }
  });
  return {
    key,
    plan,
    live,
    warm,
    break: (activity, ...[kind, options]) => breakActivity(world, key, activity, kind, options),
    mend: () => mend(world, key),
    arrived: async (activity) => {
      await until(`${activity} stands still`, () => world.glance().arrived.includes(`${key} ${activity}`));
    },
    arrivedAt: async (call) => {
      await until(`${call} is called`, () => world.glance().environments[key]?.calls.includes(call));
    },
    release: (activity) => release(world, key, activity),
    now: () => world.read().environments[key],
    visible: () => visible(world.read().environments[key]),
  };
}

/** A change of the scene as its environment starts it. */
export function changeOf(
  { plan, live, warm }: Pick<Scene, 'plan' | 'live' | 'warm'>,
  version = 'v2',
  kind?: ChangeKind,
  overrides: Partial<ChangeInput> = {},
): ChangeInput {
  return givenChange(givenRequest(plan, version, kind), { live, warm, ...overrides });
}

export type ChangeHandle = WorkflowHandle<typeof change>;

export async function startChange(harness: Harness, input: ChangeInput): Promise<ChangeHandle> {
  const { pipeline, name } = input.request.plan;
  return await harness.client.workflow.start<typeof change>(WORKFLOW.change, {
    workflowId: laneId(pipeline, name),
    taskQueue: harness.taskQueue,
    args: [input],
  });
}

export async function runChange(harness: Harness, input: ChangeInput): Promise<ChangeResult> {
  const handle = await startChange(harness, input);
  return await handle.result();
}

export async function decideOn(
  handle: Pick<ChangeHandle, 'executeUpdate'>,
  name: DecisionName,
  decision: Partial<Decision> = {},
): Promise<DecisionReply> {
  const full = givenDecision('irina', decision);
  return await handle.executeUpdate<DecisionReply, [Decision]>(name, {
    args: [full],
    updateId: randomUUID(),
  });
}

export async function statusOf(handle: Pick<ChangeHandle, 'query'>): Promise<ProgressStatus> {
  return await handle.query<ProgressStatus>(QUERY.status);
}

export async function waitsFor(
  handle: Pick<ChangeHandle, 'query'>,
  waitingFor: string,
): Promise<ProgressStatus> {
  return await until(`the change waits for ${waitingFor}`, async () => {
    const status = await statusOf(handle);
    return status.waitingFor?.includes(waitingFor) === true ? status : null;
  });
}

/** Every host of the scene runs this version in this slot. */
export function runsEverywhere(scene: Scene, slot: Slot, version: string | null): boolean {
  return Object.values(scene.now()?.hosts ?? {}).every((host) =>
    version === null ? host.slots[slot] === null : host.slots[slot]?.startsWith(`${version}@`) === true,
  );
}
