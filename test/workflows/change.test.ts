import { describe, expect, it } from 'vitest';
import { changeOf, givenScene, runChange, runsEverywhere } from '../support/change-scene.js';
import { givenPlan, givenPlanInPlace } from '../support/given.js';
import { useHarness } from '../support/use-harness.js';

const harness = useHarness();

describe('a change that goes well', () => {
  it('deploys into the idle colour, switches, bakes, settles and keeps the old colour warm', async () => {
    const scene = givenScene(harness, givenPlan());
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({
      state: 'succeeded',
      clean: true,
      switchMs: 7,
      backMs: null,
      failure: null,
      unwind: [],
    });
    expect(result.headline).toMatch(/^shop v2 is live on prod-\w+, /);
    expect(result.live).toMatchObject({ version: 'v2', colour: 'green', token: 2, by: 'oleg' });
    expect(result.warm).toMatchObject({ version: 'v1', colour: 'blue' });
    expect(result.steps.map((step) => [step.name, step.state])).toEqual(
      scene.plan.steps.map((step) => [step, 'succeeded']),
    );
    expect(scene.now()).toMatchObject({
      proxy: 'green',
      tags: { 'prod-9f2c1d0': result.live?.artifacts[0]?.digest },
    });
    expect(runsEverywhere(scene, 'green', 'v2') && runsEverywhere(scene, 'blue', 'v1')).toBe(true);
  });

  it('deploys a first release to blue', async () => {
    const scene = givenScene(harness, givenPlan(), { live: null });
    const result = await runChange(harness, changeOf(scene, 'v1'));
    expect(result).toMatchObject({ state: 'succeeded', live: { colour: 'blue' }, warm: null });
    expect(scene.now()?.proxy).toBe('blue');
  });

  it.each([['succeeds'], ['is undone']])(
    'leaves the colour alone that served before Slipway came, when the first release %s',
    async (how) => {
      const scene = givenScene(harness, givenPlan(), { live: null });
      harness.world.update((state) => {
        const environment = state.environments[scene.key];
        if (environment === undefined) throw new Error('no such environment');
        environment.proxy = 'blue';
        for (const host of Object.values(environment.hosts)) host.slots.blue = 'somebody’s own';
      });
      const before = scene.visible();
      if (how === 'is undone') scene.break('bake', 'say-no', { times: -1 });
      const result = await runChange(harness, changeOf(scene, 'v1'));
      expect(scene.now()?.proxy).toBe(how === 'is undone' ? 'blue' : 'green');
      if (how === 'is undone') {
        expect(result).toMatchObject({ state: 'failed', clean: true, live: null });
        expect(scene.visible()).toEqual(before);
      } else {
        expect(result).toMatchObject({ state: 'succeeded', live: { colour: 'green' } });
      }
    },
  );

  it('deploys in place where there are no colours', async () => {
    const scene = givenScene(harness, givenPlanInPlace());
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({
      state: 'succeeded',
      live: { version: 'v2', colour: null },
      warm: null,
      switchMs: null,
    });
    expect(runsEverywhere(scene, 'live', 'v2')).toBe(true);
  });
});
