/** What a change tells its checks: since when lines of a log count. */
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { CheckPlan } from '../../pipeline/plan.js';
import type { Activities, BakeInput, VerifyInput } from '../../workflows/activity-contract.js';
import { changeOf, givenScene, runChange } from '../support/change-scene.js';
import { givenPlan, givenPlanInPlace } from '../support/given.js';
import { quiet, startHarness, type Harness } from '../support/workflow-harness.js';
import { startWorkers } from '../support/workers.js';

quiet();
let harness: Harness;
let stop: () => Promise<void>;
let bakes: BakeInput[] = [];
let verifies: VerifyInput[] = [];

beforeAll(async () => {
  harness = await startHarness({ workers: false });
  const activities: Activities = {
    ...harness.activities,
    verify: (input) => {
      verifies.push(input);
      return harness.activities.verify(input);
    },
    bake: (input) => {
      bakes.push(input);
      return harness.activities.bake(input);
    },
  };
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const end = await startWorkers(connection, harness.taskQueue, inject('workflowBundle'), activities);
  stop = async () => {
    await end();
    await connection.close();
  };
});
afterAll(async () => {
  await stop();
  await harness.close();
});

it('counts from the deploy on, in the verification and in the bake', async () => {
  [bakes, verifies] = [[], []];
  await runChange(harness, changeOf(givenScene(harness, givenPlanInPlace())));
  const [verified, baked] = [verifies[0]?.deployedMsAgo, bakes[0]?.deployedMsAgo];
  expect(verified).toBeGreaterThanOrEqual(0);
  expect(baked).toBeGreaterThanOrEqual(verified ?? 0);
});

it('of a colour that still ran, from the switch on', async () => {
  verifies = [];
  const scene = givenScene(harness, givenPlan(), { live: 'v3', warm: 'v2' });
  await runChange(harness, changeOf(scene, 'v2', 'rollback'));
  expect(verifies[0]?.deployedMsAgo).toBeGreaterThanOrEqual(0);
});

it('without colours what was normal is measured before the deploy, and only for checks that compare', async () => {
  const errors: Extract<CheckPlan, { kind: 'prometheus' }> = {
    ...{ name: 'errors', kind: 'prometheus', query: 'errors', server: 'http://prometheus.internal:9090' },
    ...{ max: null, min: null, maxIncrease: 2, baselineMs: 1_000 },
    ...{ timeoutMs: 1_000, retries: 0, intervalMs: 10, startPeriodMs: 0 },
  };
  const inPlace = givenPlanInPlace();
  if (inPlace.bake === null) throw new Error('nothing is watched');
  const baselines: unknown[] = [];
  for (const maxIncrease of [2, null]) {
    const plan = { ...inPlace, bake: { ...inPlace.bake, checks: [{ ...errors, maxIncrease }] } };
    bakes = [];
    await runChange(harness, changeOf(givenScene(harness, plan)));
    baselines.push(bakes[0]?.baseline);
  }
  expect(baselines).toEqual([{ errors: 0.01 }, {}]);
});
