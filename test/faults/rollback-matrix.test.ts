/** Rollbacks that take the database with them, from which there is no way back: each call × each way to go wrong is gone through to the end. */
import { describe, expect, it } from 'vitest';
import { decideOn, waitsFor } from '../support/change-scene.js';
import { EnvironmentScene } from '../support/environment-scene.js';
import { givenPlanWithDatabase } from '../support/two-releases.js';
import { useHarness } from '../support/use-harness.js';
import { STEPS_OF_ROLLBACKS } from './matrix-of-changes.js';

const harness = useHarness();

const SETTINGS = [
  {
    name: 'a revert',
    backup: undefined,
    database: 'v1',
    steps: ['revert'],
    calls: ['deploy', 'verify', 'revertDatabase', 'readDatabase'],
    holding: ['revertDatabase'],
  },
  {
    name: 'a restore',
    backup: 'backup-2',
    database: 'backup-2',
    steps: ['readBackup', 'restore'],
    calls: ['readBackup', 'stopWriters', 'restoreDatabase', 'deploy', 'verify', 'readDatabase'],
    holding: ['stopWriters', 'restoreDatabase', 'deploy'],
  },
] as const;

/** v2 is live after v1, each with a migration. */
async function givenTwo(): Promise<EnvironmentScene> {
  const prod = new EnvironmentScene(harness, givenPlanWithDatabase());
  await prod.release(1);
  await prod.release(2);
  return prod;
}

it('the settings run every step that only a rollback has', () => {
  expect(SETTINGS.flatMap(({ steps }) => steps).toSorted()).toEqual(STEPS_OF_ROLLBACKS.toSorted());
});

describe.each(SETTINGS)('$name', ({ backup, database, steps, calls, holding }) => {
  const matrix = calls.flatMap((call) =>
    (['lose-reply', 'twice', 'unreachable'] as const).map((fault) => ({ call, fault })),
  );

  it.concurrent.each(matrix)('$call: $fault costs it nothing', async ({ call, fault }) => {
    const prod = await givenTwo();
    prod.break(call, fault);
    const result = await prod.ended(await prod.rollback('v1', undefined, backup));
    expect(result).toMatchObject({ state: 'succeeded', clean: true });
    for (const name of steps)
      expect(result.steps).toContainEqual(expect.objectContaining({ name, state: 'succeeded' }));
    expect([prod.serving(), prod.world().database]).toEqual(['v1', database]);
  });

  const refused = holding.flatMap((call) =>
    (['refuse', 'refuse-after'] as const).map((fault) => ({ call, fault })),
  );

  it.concurrent.each(refused)('$call: $fault waits for a person, who ends it', async ({ call, fault }) => {
    const prod = await givenTwo();
    prod.break(call, fault);
    const requestId = await prod.rollback('v1', undefined, backup);
    const lane = harness.client.workflow.getHandle(prod.lane);
    await waitsFor(lane, 'a person: ');
    expect(await decideOn(lane, 'retryStep')).toMatchObject({ accepted: true });
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded', clean: true });
    expect([prod.serving(), prod.world().database]).toEqual(['v1', database]);
  });
});
