/** A switch whose worker died goes on on the proxy's host; the way back must not be overtaken by it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createTrafficActivities } from '../../activities/traffic/create-traffic-activities.js';
import { openTraffic } from '../../activities/traffic/open-traffic.js';
import { failureOf } from '../support/failure-of.js';
import { until } from '../support/processes.js';
import { startActivity } from '../support/run-activity.js';
import { willServe, givenTrafficScene, type ProxyKind, type TrafficScene } from '../support/traffic-scene.js';

const KINDS: ProxyKind[] = ['haproxy', 'nginx', 'traefik', 'caddy', 'caddy-file'];

let scene: TrafficScene;
const stops: (() => void)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  await scene.stop();
});

/** Another pipeline of the same proxy takes its time. */
async function holdLock(folder: string): Promise<() => Promise<void>> {
  const ready = path.join(scene.folder, 'locked');
  const holder = spawn('sh', ['-c', `exec flock "${folder}" sh -c ': >"${ready}"; exec cat'`], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  stops.push(() => holder.kill('SIGKILL'));
  await until('the lock', async () => (await readdir(scene.folder)).includes('locked'));
  return async () => {
    const gone = once(holder, 'exit');
    holder.stdin.end();
    await gone;
  };
}

it.each(KINDS)('%s: the way back ends it first', async (kind) => {
  scene = await givenTrafficScene(kind);
  const { switchTraffic } = createTrafficActivities(scene);
  const unlock = await holdLock(scene.lockedFolder ?? '');
  const target = scene.target();
  const forward = failureOf(
    startActivity(switchTraffic, { target, to: 'green', from: 'blue', requireHealthy: true }).result,
  );
  const journal = path.join(scene.sshd.home, '.slipway/journal/shop/prod');
  await until('the switch to wait for the lock', async () => {
    const waiting = await readdir(journal).catch(() => []);
    return waiting.some((name) => name.startsWith('1-run-'));
  });
  const back = startActivity(switchTraffic, { target, to: 'blue', from: 'green', requireHealthy: false });
  expect((await back.result).confirmed).toBe(20);
  await unlock();
  expect(await forward).toBeInstanceOf(Error);
  expect((await (await openTraffic(scene, target)).look()).colour).toBe('blue');
  await willServe(scene.url, { colour: 'blue' });
});

it.each(KINDS)('%s: who comes after the undo is refused', async (kind) => {
  scene = await givenTrafficScene(kind);
  const { switchTraffic } = createTrafficActivities(scene);
  const target = scene.target();
  const forward = { target, to: 'green', from: 'blue', requireHealthy: true } as const;
  await startActivity(switchTraffic, forward).result;
  await startActivity(switchTraffic, { target, to: 'blue', from: 'green', requireHealthy: false }).result;

  // a worker that Temporal took for dead, and that had not begun
  const late = await failureOf(startActivity(switchTraffic, forward).result);
  expect(late).toMatchObject({ type: 'StaleFence', nonRetryable: true });
  expect((await (await openTraffic(scene, target)).look()).colour).toBe('blue');
  await willServe(scene.url, { colour: 'blue' });

  const next = { ...target, token: target.token + 1 };
  await startActivity(switchTraffic, { ...forward, target: next }).result;
  await willServe(scene.url, { colour: 'green' });
});
