/**
 * A person stops a change whose worker has just been killed: nobody is there to hear the cancellation, so the activity
 * ends by its timeout. It is stopped and undone all the same, by the change itself and as what the person said.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, inject, it } from 'vitest';
import type { Activities } from '../../workflows/activity-contract.js';
import { changeOf, givenScene, startChange } from '../support/change-scene.js';
import { openWorldFile } from '../support/fake-world.js';
import { givenPlan, givenPlanInPlace } from '../support/given.js';
import { quiet, startHarness } from '../support/workflow-harness.js';
import { startWorkerProcess } from './worker-process.js';

quiet();
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-stop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STOPS: { activity: keyof Activities; word: 'abort' | 'back'; state: string; inPlace?: boolean }[] = [
  { activity: 'claim', word: 'abort', state: 'aborted' },
  { activity: 'deploy', word: 'abort', state: 'aborted' },
  { activity: 'deploy', word: 'abort', state: 'aborted', inPlace: true },
  { activity: 'switchTraffic', word: 'back', state: 'rolled-back' },
  { activity: 'switchTraffic', word: 'abort', state: 'aborted' },
];

it('is stopped and undone, and says so', async () => {
  const worldFile = path.join(folder, 'world.json');
  const bundleFile = path.join(folder, 'bundle.js');
  writeFileSync(bundleFile, inject('workflowBundle'));
  const harness = await startHarness({ world: openWorldFile(worldFile), workers: false });
  const args = [inject('temporalAddress'), harness.taskQueue, bundleFile, worldFile];
  const changes = [];
  for (const stop of STOPS) {
    const scene = givenScene(harness, stop.inPlace === true ? givenPlanInPlace() : givenPlan());
    const before = scene.visible();
    scene.break(stop.activity, 'hang-before');
    const input = changeOf(scene);
    changes.push({ ...stop, scene, before, handle: await startChange(harness, input) });
  }
  let worker = await startWorkerProcess(args);
  try {
    for (const { scene, activity } of changes) await scene.arrived(activity);
    await worker.kill();
    for (const { handle, word } of changes) await handle.signal(word, { by: 'irina' });
    worker = await startWorkerProcess(args);
    for (const { activity, word, state, scene, before, handle } of changes) {
      const result = await handle.result();
      expect(result, `${word} in ${activity}`).toMatchObject({ state, clean: true, live: { version: 'v1' } });
      expect(scene.visible(), `${word} in ${activity}`).toEqual(before);
    }
  } finally {
    await worker.kill();
    await harness.close();
  }
}, 300_000);
