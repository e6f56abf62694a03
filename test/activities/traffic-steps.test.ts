/** A share of the users, on proxies that can split them. */
import { afterEach, describe, expect, it } from 'vitest';
import { proveTraffic } from '../../activities/traffic/prove-traffic.js';
import { FAILURE } from '../../workflows/failures.js';
import {
  askThrough,
  givenTrafficScene,
  lookAt,
  switchOver,
  untilServed,
  type TrafficScene,
} from '../support/traffic-scene.js';
import type { Target } from '../../workflows/activity-contract.js';

let scene: TrafficScene;

afterEach(async () => {
  await scene.stop();
});

function inSteps(): Target {
  const target = scene.target();
  if (target.plan.traffic !== null) target.plan.traffic.weights = [5, 25, 100];
  return target;
}

async function countAnswers(asked: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let each = 0; each < asked; each += 1) {
    const { colour } = await askThrough(scene.url);
    counts[colour] = (counts[colour] ?? 0) + 1;
  }
  return counts;
}

describe.each(['traefik', 'nginx'] as const)('%s', (kind) => {
  it('gives the new colour its share, then all', async () => {
    scene = await givenTrafficScene(kind);
    const target = inSteps();
    const some = await switchOver(scene, { target, share: 25 });
    expect(some.note).toBe('green has 25%, both colours answer');
    const { blue = 0, green = 0 } = await countAnswers(100);
    expect(green).toBeGreaterThan(0);
    expect(blue).toBeGreaterThan(green);
    expect((await lookAt(scene, target)).colour).toBeNull();
    // a left-over share of 5% would be met by one of so many: 1 - 0.95 ** 135 > 0.999
    expect((await switchOver(scene, { target })).confirmed).toBe(135);
    await untilServed(scene.url, 'green');
    expect(await countAnswers(20)).toEqual({ green: 20 });
  });

  it('sends everybody back from a share', async () => {
    scene = await givenTrafficScene(kind);
    const target = inSteps();
    await switchOver(scene, { target, share: 5 });
    const back = await switchOver(scene, { target, to: 'blue', from: 'green', requireHealthy: false });
    expect(back.confirmed).toBe(135);
    expect(await countAnswers(40)).toEqual({ blue: 40 });
  });

  it('proves a proxy that was left with a share: the next release takes it from there', async () => {
    scene = await givenTrafficScene(kind);
    await switchOver(scene, { target: inSteps(), share: 25 });
    expect(await proveTraffic(scene, inSteps())).toMatch(/names both colours|accepts its configuration/);
    expect((await switchOver(scene, { target: inSteps() })).confirmed).toBe(135);
  });

  it('takes a share for a foreign hand where the plan has no steps', async () => {
    scene = await givenTrafficScene(kind);
    await switchOver(scene, { target: inSteps(), share: 25 });
    await expect(proveTraffic(scene, scene.target())).rejects.toMatchObject({ type: FAILURE.refused });
    await expect(switchOver(scene, { target: scene.target() })).rejects.toMatchObject({
      type: FAILURE.foreignHand,
    });
  });
});

it.each(['traefik', 'nginx'] as const)('%s: a share that was not taken is not believed', async (kind) => {
  scene = await givenTrafficScene(kind);
  await scene.numb();
  const target = inSteps();
  if (target.plan.traffic !== null) target.plan.traffic.confirm.timeoutMs = 1_500;
  await expect(switchOver(scene, { target, share: 25 })).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringContaining('only one colour answered') as string,
  });
});

it.each(['traefik', 'nginx'] as const)('%s: a share that is left over is met', async (kind) => {
  scene = await givenTrafficScene(kind);
  const target = inSteps();
  if (target.plan.traffic !== null) target.plan.traffic.confirm.timeoutMs = 1_500;
  await switchOver(scene, { target, share: 5 });
  await scene.numb();
  await expect(
    switchOver(scene, { target, to: 'blue', from: 'green', requireHealthy: false }),
  ).rejects.toMatchObject({ message: expect.stringContaining('of 135 in a row') as string });
});

it.each(['haproxy', 'caddy', 'caddy-file', 'command'] as const)('%s splits nobody', async (kind) => {
  scene = await givenTrafficScene(kind);
  await expect(switchOver(scene, { target: inSteps(), share: 25 })).rejects.toMatchObject({
    type: 'BadInput',
    message: expect.stringContaining('cannot split users') as string,
  });
  expect(await askThrough(scene.url)).toMatchObject({ colour: 'blue' });
});
