/** One run per path of a change that takes a database with it. */
import { EnvironmentScene } from '../support/environment-scene.js';
import { changeOf, givenScene, runChange } from '../support/change-scene.js';
import { givenPlan } from '../support/given.js';
import { DATABASE, givenPlanWithDatabase } from '../support/two-releases.js';
import type { Harness } from '../support/workflow-harness.js';
import { laneOf, type Path } from './paths-of-change.js';

/** The lane's newest run is the rollback. */
async function rollBack(harness: Harness, restoreDatabase?: string): Promise<string> {
  const prod = new EnvironmentScene(harness, givenPlanWithDatabase());
  for (const number of [1, 2]) await prod.release(number);
  await prod.ended(await prod.rollback('v1', undefined, restoreDatabase));
  return prod.lane;
}

export const PATHS_OF_DATABASE: Record<string, Path> = {
  'change-migrated-and-undone': async (harness) => {
    const scene = givenScene(harness, givenPlanWithDatabase());
    scene.break('verify', 'say-no');
    await runChange(harness, changeOf(scene));
    return laneOf(scene);
  },
  'change-retired-and-contracted': async (harness) => {
    const database = { ...DATABASE, contract: './contract' };
    const scene = givenScene(harness, givenPlan({ database }), { live: 'v3', warm: 'v2' });
    await runChange(harness, changeOf(scene, 'v2', 'retire'));
    return laneOf(scene);
  },
  'change-rolled-back-with-its-migrations': (harness) => rollBack(harness),
  'change-rolled-back-to-a-backup': (harness) => rollBack(harness, 'backup-2'),
  'change-recovered-with-its-migrations': async (harness) => {
    const prod = new EnvironmentScene(harness, givenPlanWithDatabase());
    for (const number of [1, 2]) await prod.release(number);
    const held = prod.hold('revertDatabase');
    const requestId = await prod.rollback('v1');
    await held.arrived();
    await prod.terminateLane();
    held.release();
    await prod.ended(requestId);
    return prod.lane;
  },
};
