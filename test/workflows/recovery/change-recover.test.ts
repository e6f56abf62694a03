import { describe, expect, it } from 'vitest';
import type { Activities } from '../../../workflows/activity-contract.js';
import type { ChangeInput, Cutover } from '../../../workflows/messages.js';
import { environmentId, laneId } from '../../../workflows/names.js';
import { activityInputs } from '../../support/activity-inputs.js';
import {
  changeOf,
  decideOn,
  givenScene,
  runChange,
  startChange,
  waitsFor,
  type Scene,
} from '../../support/change-scene.js';
import { environmentIn } from '../../support/fake-world.js';
import { givenPlan, givenPlanInPlace, givenTraffic } from '../../support/given.js';
import { useHarness } from '../../support/use-harness.js';
import { until } from '../../support/workflow-harness.js';

const harness = useHarness();

/** What the change told the environment before it died: the last `cutover` it sent, read from its history. */
async function lastCutover(scene: Scene): Promise<Cutover | null> {
  const { pipeline, name } = scene.plan;
  const history = await harness.client.workflow.getHandle(laneId(pipeline, name)).fetchHistory();
  const sent = (history.events ?? []).flatMap((event) => {
    const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
    if (signal?.workflowExecution?.workflowId !== environmentId(pipeline, name)) return [];
    const data = signal.input?.payloads?.[0]?.data;
    const cutover: Cutover = JSON.parse(Buffer.from(data ?? []).toString('utf8'));
    return [cutover];
  });
  return sent.at(-1) ?? null;
}

/** Starts a change, terminates it while the activity stands still, and gives what recovery is told. */
async function terminateIn(
  scene: Scene,
  activity: keyof Activities,
  input: ChangeInput,
): Promise<ChangeInput> {
  scene.break(activity, 'hang-during');
  const handle = await startChange(harness, input);
  await scene.arrived(activity);
  await handle.terminate('slipway unlock');
  harness.world.update((state) => {
    const environment = environmentIn(state, scene.key, []);
    for (const host of Object.values(environment.hosts)) host.stale.push(`2-${activity}`);
  });
  const cutover = await lastCutover(scene);
  return changeOf(scene, input.request.version, 'recover', {
    token: 3,
    recovering: { token: 2, cutover, request: input.request },
  });
}

describe.each([
  [
    'blue/green',
    givenPlan,
    ['claim', 'proveWayBack', 'deploy', 'verify', 'switchTraffic', 'bake', 'tagArtifacts'],
  ],
  [
    'blue/green in steps',
    () => givenPlan({ traffic: givenTraffic({ weights: [5, 100], stepMs: 1_000 }) }),
    ['switchTraffic', 'bake'],
  ],
  ['in place', givenPlanInPlace, ['claim', 'proveWayBack', 'deploy', 'verify', 'bake', 'tagArtifacts']],
] as const)('recover, %s', (_, plan, activities) => {
  it.each(activities)(
    'a change terminated in %s: exactly the recorded release is served',
    async (activity) => {
      const scene = givenScene(harness, plan());
      const before = scene.visible();
      const input = changeOf(scene);
      const result = await runChange(harness, await terminateIn(scene, activity, input));
      expect(result).toMatchObject({ state: 'failed', clean: true, live: { version: 'v1' } });
      expect(result.failure?.wayOut).toBe(`slipway release v2 --to ${scene.plan.name}`);
      expect(result.headline).toMatch(/recovered: v1 is live, as before$/);
      expect(scene.visible()).toEqual(before);
      expect(scene.now()?.hosts['web-1']?.fence).toBe(3);
    },
  );

  it('a first release is removed', async () => {
    const scene = givenScene(harness, plan(), { live: null });
    const input = changeOf(scene, 'v1');
    const result = await runChange(harness, await terminateIn(scene, 'bake', input));
    expect(result).toMatchObject({ state: 'failed', clean: true, live: null });
    const slots = Object.values(scene.now()?.hosts ?? {}).flatMap((host) => Object.values(host.slots));
    expect(slots.every((slot) => slot === null)).toBe(true);
  });
});

describe('recover', () => {
  it('in place shows workers that what it deploys again was live before', async () => {
    const seeded = givenScene(harness, givenPlanInPlace());
    const receipts = [{ statement: 'deployed', keyId: 'k', signature: 's' }];
    const live = seeded.live === null ? null : { ...seeded.live, receipts };
    const scene = { ...seeded, live };
    const input = changeOf(scene);
    const handle = await startChange(harness, await terminateIn(scene, 'verify', input));
    await handle.result();
    expect(await activityInputs(handle, 'deploy')).toMatchObject([{ target: { version: 'v1', receipts } }]);
  });

  it.each(['switchTraffic', 'verify'] as const)(
    'of a warm rollback in %s only moves traffic',
    async (where) => {
      const scene = givenScene(harness, givenPlan(), { live: 'v2', warm: 'v1' });
      const before = scene.visible();
      const input = changeOf(scene, 'v1', 'rollback');
      const result = await runChange(harness, await terminateIn(scene, where, input));
      expect(result).toMatchObject({ clean: true, live: { version: 'v2' }, warm: { version: 'v1' } });
      expect(scene.visible()).toEqual(before);
      // said also while blue is still served: what is persisted may be ahead of what the proxy has read
      expect(scene.now()?.calls).toContain('switchTraffic blue');
      expect(scene.now()?.calls).not.toContain('undoDeploy green');
    },
  );

  it.each([
    ['in place', givenPlanInPlace, 'deploy'],
    ['blue/green', givenPlan, 'undoDeploy'],
  ] as const)(
    '%s does not look for what was there on a host that was reinstalled since',
    async (_, plan, with_) => {
      const scene = givenScene(harness, plan());
      const input = changeOf(scene);
      const recovery = await terminateIn(scene, 'verify', input);
      harness.world.update((state) => {
        const host = environmentIn(state, scene.key, []).hosts['web-2'];
        if (host !== undefined) host.hostId = 'another';
      });
      const handle = await startChange(harness, recovery);
      expect(await handle.result()).toMatchObject({ clean: true, live: { version: 'v1' } });
      expect(await activityInputs(handle, with_)).toMatchObject([{ prior: [{ host: 'web-1' }] }]);
    },
  );

  it('of a retire ends it', async () => {
    const scene = givenScene(harness, givenPlan(), { live: 'v2', warm: 'v1' });
    const input = changeOf(scene, 'v1', 'retire');
    const result = await runChange(harness, await terminateIn(scene, 'retireColour', input));
    expect(result).toMatchObject({ clean: true, live: { version: 'v2' }, warm: null });
    expect(Object.values(scene.now()?.hosts ?? {}).every((host) => host.slots.green === null)).toBe(true);
  });

  it('of a retire that is refused keeps the colour warm, and nobody from the lane', async () => {
    const scene = givenScene(harness, givenPlan(), { live: 'v2', warm: 'v1' });
    const input = changeOf(scene, 'v1', 'retire');
    const recovery = await terminateIn(scene, 'retireColour', input);
    scene.break('retireColour', 'refuse', { times: -1 });
    expect(await runChange(harness, recovery)).toMatchObject({
      clean: true,
      live: { version: 'v2' },
      warm: { version: 'v1' },
    });
  });

  it('parks when an undo is refused, refuses abort, ignores a cancel and ends when told to retry', async () => {
    const scene = givenScene(harness, givenPlan());
    const before = scene.visible();
    const input = changeOf(scene);
    const recovery = await terminateIn(scene, 'bake', input);
    scene.break('undoDeploy', 'foreign');
    const handle = await startChange(harness, recovery);
    await waitsFor(handle, 'a person: undo of deploy failed');
    expect((await decideOn(handle, 'abort')).accepted).toBe(false);
    await handle.cancel();
    await decideOn(handle, 'retryStep');
    expect(await handle.result()).toMatchObject({ state: 'failed', clean: true });
    expect(scene.visible()).toEqual(before);
  });

  it('a stale change that still writes is refused by the fence', async () => {
    const scene = givenScene(harness, givenPlan());
    scene.break('deploy', 'hang-before');
    const stale = await startChange(harness, changeOf(scene));
    await scene.arrived('deploy');
    harness.world.update((state) => {
      for (const host of Object.values(environmentIn(state, scene.key, []).hosts)) host.fence = 9;
    });
    scene.release('deploy');
    expect(await stale.result()).toMatchObject({ state: 'superseded' });
    expect(await until('the call was made', () => scene.now()?.calls.includes('deploy green'))).toBe(true);
    expect(Object.values(scene.now()?.hosts ?? {}).every((host) => host.slots.green === null)).toBe(true);
  });
});
