/** Waits of hours and days, on the server that skips time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  changeOf,
  decideOn,
  givenScene,
  startChange,
  statusOf,
  type Scene,
} from '../support/change-scene.js';
import { givenPlan, givenTraffic } from '../support/given.js';
import { hoursOf, startSkippingHarness, type SkippingHarness } from '../support/time-skipping.js';
import { quiet, until } from '../support/workflow-harness.js';

quiet();
let harness: SkippingHarness;
beforeAll(async () => {
  harness = await startSkippingHarness();
});
afterAll(() => harness.close());

async function start(scene: Scene): ReturnType<typeof startChange> {
  return await startChange(harness, changeOf(scene));
}

describe('a wait ends by itself', () => {
  it('nobody switches within 24 h: the idle colour is undone, whatever on-failure says', async () => {
    const scene = givenScene(
      harness,
      givenPlan({ traffic: givenTraffic({ switch: 'manual' }), onFailure: 'hold' }),
    );
    const before = scene.visible();
    const handle = await start(scene);
    const result = await handle.result();
    expect(result).toMatchObject({
      state: 'failed',
      clean: true,
      failure: { what: 'nobody switched traffic to green v2 in time' },
    });
    expect(scene.visible()).toEqual(before);
    expect(Math.round(await hoursOf(handle))).toBe(24);
  });

  it('a check that cannot be made before the cutover is undone after 24 h', async () => {
    const scene = givenScene(harness, givenPlan());
    scene.break('verify', 'inconclusive', { times: -1 });
    const before = scene.visible();
    const handle = await start(scene);
    expect(await handle.result()).toMatchObject({
      state: 'failed',
      clean: true,
      failure: { what: 'health: no route to host' },
    });
    expect(scene.visible()).toEqual(before);
    expect(Math.round(await hoursOf(handle))).toBe(24);
  });

  it('a host that cannot be reached holds too, after its retries', async () => {
    const scene = givenScene(harness, givenPlan());
    scene.break('preflight', 'unreachable', { times: -1 });
    const handle = await start(scene);
    expect(await handle.result()).toMatchObject({ state: 'failed', clean: true });
    expect(Math.round(await hoursOf(handle))).toBe(24);
    expect(scene.now()?.calls.every((call) => call === 'preflight')).toBe(true);
  });

  it('a failed step that holds is undone after 24 h', async () => {
    const scene = givenScene(harness, givenPlan({ onFailure: 'hold' }));
    scene.break('bake', 'say-no');
    const before = scene.visible();
    const handle = await start(scene);
    expect(await handle.result()).toMatchObject({ state: 'failed', clean: true });
    expect(scene.visible()).toEqual(before);
    expect(Math.round(await hoursOf(handle))).toBe(24);
  });

  it.each([
    ['verify', 'failed', 'nobody resumed it in 24 h'],
    ['bake', 'succeeded', null],
  ] as const)('a pause in %s ends %s', async (activity, state, what) => {
    const scene = givenScene(harness, givenPlan());
    scene.break(activity, 'hang-before');
    const handle = await start(scene);
    await scene.arrived(activity);
    await decideOn(handle, 'pause');
    scene.release(activity);
    const result = await handle.result();
    expect(result.state).toBe(state);
    expect(result.failure?.what ?? null).toBe(what);
    expect(Math.round(await hoursOf(handle))).toBe(24);
  });
});

describe('an undo that does not come through', () => {
  it('asks for a person after 30 s and goes on trying for as long as it takes', async () => {
    const scene = givenScene(harness, givenPlan());
    scene.break('bake', 'say-no');
    scene.break('switchTraffic', 'unreachable', { times: -1, to: 'blue' });
    const before = { proxy: 'blue' };
    const handle = await start(scene);
    await scene.arrivedAt('switchTraffic blue');
    await harness.sleep('2 minutes');
    const status = await until('a person is asked for', async () => {
      const now = await statusOf(handle);
      return now.waitingFor === null ? null : now;
    });
    expect(status.waitingFor).toBe('a person: undo of switch does not come through');
    // it is tried again by itself, and a word to do so is refused
    expect(status.report).not.toContain('slipway retry');
    expect(status.headline).toContain('a person should look');
    expect(scene.now()?.calls).not.toContain('undoDeploy green');
    scene.mend();
    expect(await handle.result()).toMatchObject({ state: 'failed', clean: true });
    expect(scene.now()).toMatchObject(before);
    expect(Object.values(scene.now()?.hosts ?? {}).every((host) => host.slots.green === null)).toBe(true);
  });
});
