/** Changes that are terminated in the middle: their environment recovers, and goes on. */
import { describe, expect, it } from 'vitest';
import { activityInputs } from '../../support/activity-inputs.js';
import { decideOn, waitsFor } from '../../support/change-scene.js';
import { EnvironmentScene, givenVersion } from '../../support/environment-scene.js';
import { givenPlan, givenPlanInPlace, givenTraffic } from '../../support/given.js';
import { useHarness } from '../../support/use-harness.js';

const harness = useHarness();

describe('a change that dies', () => {
  it.each(['claim', 'deploy', 'switchTraffic', 'bake'] as const)(
    'in %s is recovered, and the environment serves what it served',
    async (activity) => {
      const prod = new EnvironmentScene(harness, givenPlan({ traffic: givenTraffic() }));
      await prod.release(1);
      const held = prod.hold(activity);
      const request = await prod.ask(givenVersion(prod.plan, 2));
      await held.arrived();
      await prod.terminateLane();
      const result = await prod.ended(request.requestId);
      expect(result).toMatchObject({ state: 'failed', clean: true });
      expect(result.failure?.what).toContain('ended from outside');
      expect(prod.serving()).toBe('v1');
      const status = await prod.status();
      expect(status.live?.version).toBe('v1');
      expect(status.token).toBe(3);
      held.release();
      expect((await prod.release(3)).state).toBe('succeeded');
    },
  );

  it('is recovered again when its recovery dies as well', async () => {
    const prod = new EnvironmentScene(harness, givenPlan());
    await prod.release(1);
    const deploy = prod.hold('deploy');
    const request = await prod.ask(givenVersion(prod.plan, 2));
    await deploy.arrived();
    const takeOver = prod.hold('takeOver');
    await prod.terminateLane();
    await takeOver.arrived();
    await prod.terminateLane();
    takeOver.release();
    deploy.release();
    expect(await prod.ended(request.requestId)).toMatchObject({ state: 'failed', clean: true });
    expect((await prod.status()).token).toBe(4);
    expect(prod.serving()).toBe('v1');
  });
});

describe('a change of several hosts that dies', () => {
  it.each([
    ['failed in it', { rollout: { batch: 1, maxFailures: 1, failedHost: 'quarantine' } }],
    ['could not be put back', { rollout: { batch: 1, maxFailures: 1, failedHost: 'undo' } }],
    ['a person skipped', { rollout: { batch: 1, maxFailures: 0, failedHost: 'undo' }, onFailure: 'hold' }],
  ] as const)('is recovered without a host that had just %s, which comes back later', async (_, settings) => {
    const prod = new EnvironmentScene(harness, givenPlanInPlace({ ...settings, bake: null }));
    const lane = harness.client.workflow.getHandle(prod.lane);
    await prod.release(1);
    prod.break('deploy', 'refuse', { host: 'web-1' });
    prod.break('undoDeploy', 'refuse', { host: 'web-1' });
    const held = prod.hold('verify');
    const request = await prod.ask(givenVersion(prod.plan, 2));
    if (settings.rollout.maxFailures === 0) {
      await waitsFor(lane, 'deploy failed');
      expect(await decideOn(lane, 'skipHost', { host: 'web-1' })).toMatchObject({ accepted: true });
    }
    await held.arrived();
    await prod.terminateLane();
    expect(await prod.ended(request.requestId)).toMatchObject({ state: 'failed', clean: true });
    expect(await activityInputs(lane, 'claim')).toMatchObject([
      { target: { plan: { hosts: [{ name: 'web-2' }] } } },
    ]);
    expect(await prod.status()).toMatchObject({
      live: { version: 'v1' },
      needsPerson: null,
      apart: [{ host: 'web-1', state: 'quarantined', tries: 0 }],
    });
    held.release();
    expect(await prod.decide('retryStep')).toMatchObject({ accepted: true });
    await prod.until('it is back', ({ apart }) => apart === undefined);
    expect(prod.world().hosts['web-1']?.slots.live).toContain('v1@');
  });
});
