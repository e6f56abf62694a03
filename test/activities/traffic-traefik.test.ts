/** What is Traefik's own: it watches a folder, takes its time, and refuses a file in silence. */
import { watch } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { proveTraffic } from '../../activities/traffic/prove-traffic.js';
import type { Target } from '../../workflows/activity-contract.js';
import { FAILURE } from '../../workflows/failures.js';
import { until } from '../support/processes.js';
import {
  askThrough,
  changedTarget,
  givenTrafficScene,
  lookAt,
  switchOver,
  untilServed,
  type TrafficScene,
} from '../support/traffic-scene.js';

let scene: TrafficScene;
let file: string;

afterEach(async () => {
  await scene.stop();
});

async function givenTraefik(throttle = '100ms'): Promise<void> {
  scene = await givenTrafficScene('traefik');
  file = path.join(scene.folder, 'dynamic/shop.yml');
  if (throttle === '100ms') return;
  const configuration = path.join(scene.folder, 'traefik.yml');
  await writeFile(configuration, (await readFile(configuration, 'utf8')).replace('100ms', throttle));
  await scene.crash();
  await scene.start();
}

it('is waited for when it is slower than the questions', async () => {
  await givenTraefik('3s');
  // its throttle begins with whatever it has read last
  await scene.reload();
  const there = await switchOver(scene, { target: scene.target() });
  expect(there.confirmed).toBe(20);
  expect(await askThrough(scene.url)).toMatchObject({ colour: 'green' });
});

it('is not waited for longer than confirm.timeout, and the way back finds it wherever it is', async () => {
  await givenTraefik('4s');
  await scene.reload();
  const late = scene.target({ confirmMs: 100 });
  await expect(switchOver(scene, { target: late })).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringMatching(/answered 200 from blue within 0\.1s .*proxy's error log/) as string,
  });
  const back = { target: scene.target(), to: 'blue', from: 'green', requireHealthy: false } as const;
  expect((await switchOver(scene, back)).confirmed).toBe(20);
  await untilServed(scene.url, 'blue');
});

it('is woken once, by the file itself', async () => {
  await givenTraefik();
  const woken: (string | null)[] = [];
  const watcher = watch(path.dirname(file), (_, name) => woken.push(name));
  await switchOver(scene, { target: scene.target() });
  await until('the rename to be seen', () => Promise.resolve(woken.includes('shop.yml')));
  watcher.close();
  expect(new Set(woken)).toEqual(new Set(['shop.yml']));
  expect(await readdir(path.join(path.dirname(file), '.slipway'))).toEqual([]);
});

it('needs no folder that was made for it', async () => {
  await givenTraefik();
  await rm(path.join(path.dirname(file), '.slipway'), { recursive: true });
  expect((await switchOver(scene, { target: scene.target() })).confirmed).toBe(20);
});

it('keeps all of a file that several pipelines share when they switch at once', async () => {
  await givenTraefik();
  const names = ['one', 'two', 'three', 'four'];
  const shared = names.map(
    (name) => `    ${name}: { weighted: { services: [{ name: shop-blue, weight: 1 }] } } # of ${name}\n`,
  );
  const text = `# ours\n${await readFile(file, 'utf8')}${shared.join('')}`;
  await writeFile(file, text);
  for (const to of ['green', 'blue', 'green'] as const) {
    await Promise.all(
      names.map(async (serviceName) => {
        const target = changedTarget(scene, 'traefik', { serviceName }, { environment: serviceName });
        await (await lookAt(scene, target)).switchTo(to, null);
      }),
    );
  }
  const expected = names.reduce(
    (changed, name) =>
      changed.replace(
        `${name}: { weighted: { services: [{ name: shop-blue, weight: 1 }`,
        `${name}: { weighted: { services: [{ name: "shop-green", weight: 100 }`,
      ),
    text,
  );
  expect(await readFile(file, 'utf8')).toBe(expected);
  await untilServed(scene.url, 'blue');
});

it.each([
  ['does not exist', () => rm(file)],
  ['is not YAML', () => writeFile(file, 'http: [')],
  ['has no weighted service shop', () => writeFile(file, 'http: { services: {} }')],
])('is not proven when the file %s', async (problem, spoil) => {
  await givenTraefik();
  await spoil();
  const refusal = { type: FAILURE.refused, message: expect.stringContaining(problem) as string };
  await expect(proveTraffic(scene, scene.target())).rejects.toMatchObject(refusal);
  await expect(switchOver(scene, { target: scene.target() })).rejects.toMatchObject({ nonRetryable: true });
});

async function givenFilePerColour(change: (green: string) => string): Promise<Target> {
  await givenTraefik();
  const blue = await readFile(file, 'utf8');
  await writeFile(`${file}.blue`, blue);
  await writeFile(`${file}.green`, change(blue.replace('name: shop-blue', 'name: shop-green')));
  return changedTarget(scene, 'traefik', { services: null }, { confirmMs: 2_000 });
}

it('takes whole files per colour', async () => {
  const target = await givenFilePerColour((green) => green);
  expect(await proveTraffic(scene, target)).toMatch(/blue is served/);
  await switchOver(scene, { target });
  expect((await lookAt(scene, target)).colour).toBe('green');
  expect(await askThrough(scene.url)).toMatchObject({ colour: 'green' });
});

it('is not believed when it refuses a file in silence', async () => {
  const target = await givenFilePerColour((green) => green.replace('weighted:', 'weighed:'));
  await expect(switchOver(scene, { target })).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringContaining('answered 200 from blue') as string,
  });
});
