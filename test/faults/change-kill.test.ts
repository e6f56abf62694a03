/**
 * kill -9 of the only worker before, during and after the effect of every activity of a change, forward and undo: a
 * new worker goes on, and the world ends exactly as it was or wholly new. All changes of a round die together.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { runChange, startChange, type ChangeHandle } from '../support/change-scene.js';
import { openWorldFile } from '../support/fake-world.js';
import { quiet, startHarness, type Harness } from '../support/workflow-harness.js';
import {
  breakCall,
  findCalls,
  findUndos,
  givenCase,
  judgeWorld,
  nameOf,
  SETTINGS,
  type Call,
  type Case,
} from './matrix-of-changes.js';
import { startWorkerProcess } from './worker-process.js';

quiet();
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-kill-'));
const bundleFile = path.join(folder, 'bundle.js');
/** `look`: what says no before this call undoes; null = on the way forward. */
const wanted: { setting: (typeof SETTINGS)[number]; call: Call; look: Call | null }[] = [];

beforeAll(async () => {
  writeFileSync(bundleFile, inject('workflowBundle'));
  const calm = await startHarness();
  const run = (input: Parameters<typeof runChange>[1]): ReturnType<typeof runChange> =>
    runChange(calm, input);
  for (const setting of SETTINGS) {
    for (const [step, calls] of await findCalls(run, calm, setting))
      if ([undefined, step].includes(setting.differsIn))
        for (const call of calls)
          // another host, or the same for another host, is the same kill
          if (call.after === 0 || setting.differsIn !== undefined) wanted.push({ setting, call, look: null });
    // after a later look nothing else is undone than after the first
    for (const look of setting.looks.slice(0, 1))
      for (const call of await findUndos(run, calm, setting, look)) wanted.push({ setting, call, look });
  }
  await calm.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Dying extends Case {
  call: Call;
  look: Call | null;
  handle: ChangeHandle;
}

async function startDying(harness: Harness, phase: 'before' | 'during' | 'after'): Promise<Dying[]> {
  const dying: Dying[] = [];
  for (const { setting, call, look } of wanted) {
    const change = givenCase(harness, setting);
    if (look !== null) breakCall(change.scene, look, 'say-no');
    breakCall(change.scene, call, `hang-${phase}`);
    dying.push({ ...change, call, look, handle: await startChange(harness, change.input) });
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
      for (const { scene, call } of dying) await scene.arrived(call.activity);
      await worker.kill();
      worker = await startWorkerProcess(args);
      for (const { look, call, handle, ...change } of dying) {
        const result = await handle.result();
        const where = `${change.setting.name}: ${nameOf(call)}${look === null ? '' : `, undo after ${nameOf(look)}`}`;
        expect(result, where).toMatchObject({ state: look === null ? 'succeeded' : 'failed', clean: true });
        expect(judgeWorld(change), where).toBe(look === null ? 'new' : 'old');
      }
    } finally {
      await worker.kill();
      await harness.close();
    }
  }, 300_000);
});
