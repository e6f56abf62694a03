/**
 * kill -9 of the only worker before, during and after the effect of every activity of a change, forward and undo: a
 * new worker goes on, and the world ends exactly as it was or wholly new. All changes of a round die together.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Activities } from '../../workflows/activity-contract.js';
import { runChange, startChange, type ChangeHandle } from '../support/change-scene.js';
import { openWorldFile } from '../support/fake-world.js';
import { quiet, startHarness, type Harness } from '../support/workflow-harness.js';
import {
  findActivities,
  findUndos,
  givenCase,
  judgeWorld,
  lastLook,
  SETTINGS,
  type Case,
} from './matrix-of-changes.js';
import { startWorkerProcess } from './worker-process.js';

quiet();
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-kill-'));
const bundleFile = path.join(folder, 'bundle.js');
const wanted: { setting: (typeof SETTINGS)[number]; activity: keyof Activities; undo: boolean }[] = [];

beforeAll(async () => {
  writeFileSync(bundleFile, inject('workflowBundle'));
  const calm = await startHarness();
  const run = (input: Parameters<typeof runChange>[1]): ReturnType<typeof runChange> =>
    runChange(calm, input);
  for (const setting of SETTINGS) {
    const forward = new Set([...(await findActivities(run, calm, setting)).values()].flat());
    for (const activity of forward) wanted.push({ setting, activity, undo: false });
    for (const activity of new Set(await findUndos(run, calm, setting)))
      wanted.push({ setting, activity, undo: true });
  }
  await calm.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Dying extends Case {
  activity: keyof Activities;
  undo: boolean;
  handle: ChangeHandle;
}

async function startDying(harness: Harness, phase: 'before' | 'during' | 'after'): Promise<Dying[]> {
  const dying: Dying[] = [];
  for (const { setting, activity, undo } of wanted) {
    const change = givenCase(harness, setting);
    if (undo) change.scene.break(lastLook(setting), 'say-no');
    const to = undo && activity === 'switchTraffic' ? { to: change.scene.live?.colour ?? null } : {};
    change.scene.break(activity, `hang-${phase}`, to);
    dying.push({ ...change, activity, undo, handle: await startChange(harness, change.input) });
  }
  return dying;
}

describe.each(['before', 'during', 'after'] as const)('worker killed %s', (phase) => {
  it('every activity, forward and undo', async () => {
    const worldFile = path.join(folder, `world-${phase}.json`);
    const harness = await startHarness({ world: openWorldFile(worldFile), workers: false });
    const args = [inject('temporalAddress'), harness.taskQueue, bundleFile, worldFile];
    const dying = await startDying(harness, phase);
    expect(dying.length).toBeGreaterThan(20);
    let worker = await startWorkerProcess(args);
    try {
      for (const { scene, activity } of dying) await scene.arrived(activity);
      await worker.kill();
      worker = await startWorkerProcess(args);
      for (const { undo, activity, handle, ...change } of dying) {
        const result = await handle.result();
        const where = `${change.setting.name}: ${activity}${undo ? ', undo' : ''}`;
        expect(result, where).toMatchObject({ state: undo ? 'failed' : 'succeeded', clean: true });
        expect(judgeWorld(change), where).toBe(undo ? 'old' : 'new');
      }
    } finally {
      await worker.kill();
      await harness.close();
    }
  }, 300_000);
});
