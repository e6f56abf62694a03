/** A try to bring what is live to a host in quarantine, ended from outside. */
import { describe, expect, it } from 'vitest';
import { EnvironmentScene } from '../../support/environment-scene.js';
import { givenPlanInPlace } from '../../support/given.js';
import { useHarness } from '../../support/use-harness.js';

const harness = useHarness();

describe('a readmission that dies', () => {
  const start = async (): Promise<EnvironmentScene> => {
    const rollout = { batch: 1, maxFailures: 1, failedHost: 'quarantine' } as const;
    const prod = new EnvironmentScene(harness, givenPlanInPlace({ rollout, bake: null, timeoutMs: 3_000 }));
    prod.break('deploy', 'refuse', { host: 'web-1' });
    await prod.release(1);
    return prod;
  };

  it('while its host is away gives the lane back, and the host is tried again later', async () => {
    const prod = await start();
    const held = prod.hold('deploy');
    expect(await prod.decide('retryStep')).toMatchObject({ accepted: true });
    await held.arrived();
    prod.break('claim', 'unreachable', { times: -1 });
    await prod.terminateLane();
    await prod.until(
      'the lane is free',
      ({ inFlight, apart }) => inFlight === null && apart?.[0]?.tries === 1,
    );
    expect(await prod.status()).toMatchObject({
      live: { version: 'v1' },
      needsPerson: null,
      apart: [{ host: 'web-1', state: 'quarantined', why: expect.stringContaining('connection refused') }],
    });
    held.release();
    expect(prod.world().hosts['web-2']?.slots.live).toContain('v1@');
  });

  it('while its host is there puts back what was there before, and brings the release later', async () => {
    const prod = await start();
    const before = prod.world().hosts['web-1']?.slots;
    const held = prod.hold('deploy');
    await prod.decide('retryStep');
    await held.arrived();
    await prod.terminateLane();
    await prod.until(
      'the lane is free',
      ({ inFlight, apart }) => inFlight === null && apart?.[0]?.tries === 1,
    );
    expect(prod.world().hosts['web-1']?.slots).toEqual(before);
    held.release();
    await prod.decide('retryStep');
    await prod.until('it is back', ({ apart }) => apart === undefined);
    expect(prod.world().hosts['web-1']?.slots.live).toContain('v1@');
  });
});
