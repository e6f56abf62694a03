/** kill -9 of the only worker in the middle of a real bake: the next one watches what is left, and has forgotten nothing. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import type { BakePlan, CheckPlan } from '../../pipeline/plan.js';
import { changeOf, givenScene, startChange } from '../support/change-scene.js';
import { openWorldFile } from '../support/fake-world.js';
import { givenPlanInPlace } from '../support/given.js';
import { quiet, startHarness, until } from '../support/workflow-harness.js';
import { startWorkerProcess } from './worker-process.js';

quiet();
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bake-'));
const bundleFile = path.join(folder, 'bundle.js');
let asked = 0;
/** Requests that are answered with an error, by their number. */
let sick: number[] = [];
const shop = createServer((_, response) => {
  asked += 1;
  response.writeHead(sick.includes(asked) ? 500 : 200).end('shop');
});

beforeAll(async () => {
  writeFileSync(bundleFile, inject('workflowBundle'));
  shop.listen(0, '127.0.0.1');
  await once(shop, 'listening');
});
beforeEach(() => {
  asked = 0;
  sick = [];
});
afterAll(() => {
  shop.closeAllConnections();
  shop.close();
  rmSync(folder, { recursive: true, force: true });
});

const INTERVAL_MS = 100;
const BAKE_WORKER = new URL('bake-worker.ts', import.meta.url);

/** Kills the worker once the shop was asked so often, twice, and lets a third finish. */
async function bakeThroughKills(name: string, bake: Omit<BakePlan, 'checks' | 'intervalMs'>) {
  const worldFile = path.join(folder, `world-${name}.json`);
  const harness = await startHarness({ world: openWorldFile(worldFile), workers: false });
  const cache = path.join(folder, 'cache');
  const args = [inject('temporalAddress'), harness.taskQueue, bundleFile, worldFile, cache];
  const check: CheckPlan = {
    ...{ name: 'health', kind: 'http', url: `http://127.0.0.1:${(shop.address() as AddressInfo).port}/` },
    ...{ status: 200, basicAuth: null, header: {} },
    ...{ timeoutMs: 5_000, retries: 0, intervalMs: 100, startPeriodMs: 0 },
  };
  const hosts = [{ name: 'web-1', address: 'deploy@web-1' }];
  const plan = givenPlanInPlace({ hosts, bake: { ...bake, intervalMs: INTERVAL_MS, checks: [check] } });
  const scene = givenScene(harness, plan);
  let worker = await startWorkerProcess(args, BAKE_WORKER);
  try {
    const handle = await startChange(harness, changeOf(scene));
    for (const enough of [15, 30]) {
      await until(`${enough} samples`, () => asked >= enough);
      await worker.kill();
      worker = await startWorkerProcess(args, BAKE_WORKER);
    }
    const result = await handle.result();
    const { events } = await handle.fetchHistory();
    return { result, events: events?.length ?? 0 };
  } finally {
    await worker.kill();
    await harness.close();
  }
}

it('goes on with the time and the samples that are left, in a handful of events', async () => {
  const forMs = 6_000;
  const { result, events } = await bakeThroughKills('good', { forMs, failures: 3 });
  expect(result).toMatchObject({ state: 'succeeded', clean: true });
  const said = result.steps.find(({ name }) => name === 'bake')?.note ?? '';
  const samples = Number(/(\d+) of \1 samples good/.exec(said)?.[1]);
  // what a killed worker had not reported is asked again: at most half a second's worth, twice
  expect(asked).toBeLessThanOrEqual(forMs / INTERVAL_MS + 2 * 10);
  expect(samples).toBeGreaterThanOrEqual(asked - 2 * 10);
  expect(events).toBeLessThan(60);
});

it('remembers what was bad before it was killed', async () => {
  // two of sixty are too many, one is not
  sick = [2, 45];
  const { result } = await bakeThroughKills('bad', { forMs: 6_000, failures: 3, maxErrors: 0.02 });
  expect(result).toMatchObject({ state: 'failed', clean: true });
  expect(result.failure?.what).toMatch(/2 of \d+ samples bad, at most 2 %/);
});
