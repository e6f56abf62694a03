/** Some of the users first: each share is watched, and the first bad look sends everybody back. */
import { expect, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { changeOf, givenScene, runChange, type Scene } from '../support/change-scene.js';
import { givenPlan, givenTraffic } from '../support/given.js';
import { useHarness } from '../support/use-harness.js';

const harness = useHarness();

function inSteps(): EnvironmentPlan {
  return givenPlan({ traffic: { ...givenTraffic(), weights: [5, 25, 100], stepMs: 1_000 } });
}

function callsOf(scene: Scene): string[] {
  return (scene.now()?.calls ?? []).filter((call) => /^(switchTraffic|bake)/.test(call));
}

it('gives the new colour more and more, and watches each share', async () => {
  const scene = givenScene(harness, inSteps());
  const result = await runChange(harness, changeOf(scene));
  expect(result).toMatchObject({ state: 'succeeded', live: { colour: 'green' }, unwind: [] });
  expect(scene.now()).toMatchObject({ proxy: 'green', shares: [5, 25, 100] });
  const step = ['switchTraffic green', 'bake green'];
  expect(callsOf(scene)).toEqual([...step, ...step, ...step]);
});

it.each([
  [5, 0],
  [25, 1],
])('sends everybody back at the first bad look at %s%', async (share, after) => {
  const scene = givenScene(harness, inSteps());
  const before = scene.visible();
  scene.break('bake', 'say-no', { times: 1, after });
  const result = await runChange(harness, changeOf(scene));
  expect(result).toMatchObject({ state: 'failed', clean: true, live: { version: 'v1' } });
  expect(result.failure).toMatchObject({ where: expect.stringContaining(`${share}% to green`) as string });
  expect(scene.now()?.shares?.at(-2)).toBe(share);
  expect(callsOf(scene).at(-1)).toBe('switchTraffic blue');
  expect(scene.visible()).toEqual(before);
});

it('goes on with the share that could not be looked at, not from the first', async () => {
  const scene = givenScene(harness, inSteps());
  scene.break('bake', 'inconclusive', { times: 1, after: 1 });
  const result = await runChange(harness, changeOf(scene));
  expect(result.state).toBe('succeeded');
  expect(scene.now()?.shares).toEqual([5, 25, 25, 100]);
});

it('names no retry once it was undone because nobody could look', async () => {
  const plan = { ...inSteps(), timeoutMs: 1_000 };
  const scene = givenScene(harness, plan);
  scene.break('bake', 'inconclusive', { times: -1 });
  const result = await runChange(harness, changeOf(scene));
  expect(result).toMatchObject({ state: 'failed', clean: true, live: { version: 'v1' } });
  expect(result.failure?.wayOut).toBe('make the check reachable from the worker, then release again');
});

it('splits nobody off where nothing served before', async () => {
  const scene = givenScene(harness, inSteps(), { live: null });
  const result = await runChange(harness, changeOf(scene, 'v1'));
  expect(result.state).toBe('succeeded');
  expect(scene.now()?.shares).toEqual([100]);
});

it('goes back in one step', async () => {
  const scene = givenScene(harness, inSteps(), { live: 'v2', warm: 'v1' });
  const result = await runChange(harness, changeOf(scene, 'v1', 'rollback'));
  expect(result.state).toBe('succeeded');
  expect(scene.now()?.shares).toEqual([100]);
});
