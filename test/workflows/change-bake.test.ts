/** What a change tells its checks: since when lines of a log count. */
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Activities, BakeInput, VerifyInput } from '../../workflows/activity-contract.js';
import { changeOf, givenScene, runChange } from '../support/change-scene.js';
import { bakesWith, COMPARED } from '../support/compared-check.js';
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
  const inPlace = givenPlanInPlace();
  const baselines: unknown[] = [];
  for (const maxIncrease of [2, null]) {
    const plan = { ...inPlace, ...bakesWith(inPlace, { ...COMPARED, maxIncrease }) };
    bakes = [];
    await runChange(harness, changeOf(givenScene(harness, plan)));
    baselines.push(bakes[0]?.baseline);
  }
  expect(baselines).toEqual([{ errors: 0.01 }, {}]);
});
