/**
 * kill -9 of the only worker before, during and after each activity of a release and its promotions. All releases die
 * together, a new worker goes on, and each is live wholly: asked for once, changed once, built once if it was pushed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, inject, it } from 'vitest';
import { olderThan } from '../support/environment-scene.js';
import { openWorldFile } from '../support/fake-world.js';
import { quiet, startHarness, type Harness } from '../support/workflow-harness.js';
import { judgeRelease } from './judge-release.js';
import { nameOf, ReleaseCase, SETTINGS, type Call, type Setting } from './matrix-of-releases.js';
import { startWorkerProcess } from './worker-process.js';

quiet();
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PHASES = ['before', 'during', 'after'] as const;
type Phase = (typeof PHASES)[number];

interface Dying {
  run: ReleaseCase;
  call: Call;
  phase: Phase;
}

it('a worker killed at each activity', async () => {
  const bundleFile = path.join(folder, 'bundle.js');
  const worldFile = path.join(folder, 'world.json');
  writeFileSync(bundleFile, inject('workflowBundle'));
  const wanted = await findCalls();
  const harness = await startHarness({ world: openWorldFile(worldFile), workers: false });
  const args = [inject('temporalAddress'), harness.taskQueue, bundleFile, worldFile];
  const dying = wanted.map(({ setting, call, phase }): Dying => {
    const run = new ReleaseCase(harness, setting);
    run.break(call, `hang-${phase}`);
    return { run, call, phase };
  });
  expect(dying.length).toBeGreaterThan(30);
  let worker = await startWorkerProcess(args);
  try {
    for (const { run } of dying) await run.start();
    for (const { run, call } of dying) await run.arrived(call);
    await worker.kill();
    worker = await startWorkerProcess(args);
    const found = await Promise.all(dying.map(judge));
    expect(found.filter(({ wrong, state }) => wrong.length > 0 || state !== 'succeeded')).toEqual([]);
  } finally {
    await worker.kill();
    await harness.close();
  }
}, 300_000);

async function judge({
  run,
  call,
  phase,
}: Dying): Promise<{ where: string; state: string; wrong: string[] }> {
  const builds = call.activity === 'buildArtifacts' && phase === 'during' ? 2 : 1;
  const { state, wrong } = await judgeRelease(run, { builds });
  return { where: `${run.setting.name}, ${nameOf(call)}, ${phase}`, state, wrong };
}

async function findCalls(): Promise<{ setting: Setting; call: Call; phase: Phase }[]> {
  const calm = await startHarness({ ancestors: olderThan });
  const settings = SETTINGS.filter(({ thorough }) => thorough);
  const found = await Promise.all(settings.map((setting) => callsOf(calm, setting)));
  await calm.close();
  return found.flat();
}

async function callsOf(
  calm: Harness,
  setting: Setting,
): Promise<{ setting: Setting; call: Call; phase: Phase }[]> {
  const run = new ReleaseCase(calm, setting);
  await run.start();
  await run.handle.result();
  return (await run.calls()).flatMap((call) => PHASES.map((phase) => ({ setting, call, phase })));
}
