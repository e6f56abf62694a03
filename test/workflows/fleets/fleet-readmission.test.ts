/** A host in quarantine comes back by itself, on the server that skips time. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { change } from '../../../workflows/change.js';
import { decideOn, waitsFor } from '../../support/change-scene.js';
import { breakActivity, environmentKey, mend } from '../../support/fake-world.js';
import { EnvironmentScene, givenVersion } from '../../support/environment-scene.js';
import { givenPlanInPlace } from '../../support/given.js';
import { startSkippingHarness, type SkippingHarness } from '../../support/time-skipping.js';
import { quiet } from '../../support/workflow-harness.js';

let harness: SkippingHarness;
beforeEach(async () => {
  quiet();
  harness = await startSkippingHarness();
});
afterEach(() => harness.close());

it('is tried again after 5 and 10 minutes, and then serves what is live', async () => {
  const rollout = { batch: 1, maxFailures: 1, failedHost: 'quarantine' as const };
  const plan = givenPlanInPlace({ rollout, bake: null });
  const key = environmentKey(plan.pipeline, plan.name);
  const prod = new EnvironmentScene(harness, plan);
  await prod.release(1);
  breakActivity(harness.world, key, 'deploy', 'refuse', { host: 'web-2', times: 2 });
  const second = await prod.release(2);
  expect(second).toMatchObject({ state: 'succeeded', apart: [{ host: 'web-2', state: 'quarantined' }] });
  expect(await prod.status()).toMatchObject({
    live: { version: 'v2' },
    needsPerson: null,
    apart: [{ host: 'web-2', tries: 0 }],
  });

  await harness.sleep('5 minutes');
  const again = await prod.until('it was tried again', ({ apart }) => apart?.[0]?.tries === 1);
  expect(again).toMatchObject({ live: { version: 'v2' }, needsPerson: null, inFlight: null });

  await harness.sleep('10 minutes');
  const back = await prod.until('it is back', ({ apart }) => apart === undefined);
  expect(back).toMatchObject({ live: { version: 'v2' }, needsPerson: null });
  expect(prod.world().hosts['web-2']?.slots.live).toContain('v2@');
  expect(prod.world().hosts['web-1']?.slots.live).toContain('v2@');
});

it('stays out when a person skipped it in the release, until somebody has it tried again', async () => {
  const rollout = { batch: 1, maxFailures: 0, failedHost: 'quarantine' as const };
  const plan = givenPlanInPlace({ name: 'skipped', rollout, bake: null });
  const prod = new EnvironmentScene(harness, plan);
  await prod.release(1);
  prod.break('preflight', 'unreachable', { host: 'web-2', times: -1 });
  const { requestId } = await prod.ask(givenVersion(plan, 2));
  const lane = harness.client.workflow.getHandle<typeof change>(prod.lane);
  await waitsFor(lane, 'preflight could not be made');
  const said = { host: 'web-2', reason: 'new disk' };
  expect(await decideOn(lane, 'skipHost', said)).toMatchObject({ accepted: true });
  expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded' });
  mend(harness.world, environmentKey(plan.pipeline, plan.name));

  await harness.sleep('3 days');
  const left = { host: 'web-2', tries: 0, againAt: null, why: 'skipped by irina: new disk' };
  expect(await prod.status()).toMatchObject({ live: { version: 'v2' }, apart: [left] });
  expect(prod.world().hosts['web-2']?.slots.live).toContain('v1@');

  expect(await prod.decide('retryStep', { host: 'web-2' })).toMatchObject({ accepted: true });
  await prod.until('it is back', ({ apart }) => apart === undefined);
  expect(prod.world().hosts['web-2']?.slots.live).toContain('v2@');
});

it('is tried at once when a person says so, and not again until the next release when one says that', async () => {
  const rollout = { batch: 1, maxFailures: 1, failedHost: 'quarantine' as const };
  const plan = givenPlanInPlace({ name: 'retried', rollout, bake: null });
  const key = environmentKey(plan.pipeline, plan.name);
  const prod = new EnvironmentScene(harness, plan);
  await prod.release(1);
  breakActivity(harness.world, key, 'deploy', 'refuse', { host: 'web-2', times: 2 });
  await prod.release(2);

  expect(await prod.decide('skipHost', { host: 'web-1' })).toMatchObject({ accepted: false });
  expect(await prod.decide('skipHost', { host: 'web-2' })).toMatchObject({ accepted: true });
  await harness.sleep('3 days');
  expect(await prod.status()).toMatchObject({ apart: [{ host: 'web-2', tries: 0, againAt: null }] });

  expect(await prod.decide('retryStep', { host: 'web-2' })).toMatchObject({ accepted: true });
  await prod.until('it was tried and refused', ({ apart }) => apart?.[0]?.tries === 1);
  expect(await prod.decide('retryStep')).toMatchObject({ accepted: true });
  await prod.until('it is back', ({ apart }) => apart === undefined);
  expect(prod.world().hosts['web-2']?.slots.live).toContain('v2@');
  expect(await prod.decide('retryStep')).toMatchObject({ accepted: false });
});
