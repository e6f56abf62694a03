/** One contract for all drivers, on real proxies set up as docs/traffic.md says. */
import { afterEach, describe, expect, it } from 'vitest';
import { createTrafficActivities } from '../../activities/traffic/create-traffic-activities.js';
import { proveTraffic } from '../../activities/traffic/prove-traffic.js';
import { whoIsServed } from '../../activities/traffic/who-is-served.js';
import { FAILURE } from '../../workflows/failures.js';
import { givenRecord } from '../support/given.js';
import { startActivity } from '../support/run-activity.js';
import {
  askThrough,
  willServe,
  givenTrafficScene,
  lookAt,
  switchOver,
  untilServed,
  type ProxyKind,
  type TrafficScene,
} from '../support/traffic-scene.js';

const KINDS: ProxyKind[] = ['nginx', 'haproxy', 'traefik', 'caddy', 'caddy-file', 'command'];

const BACK = { to: 'blue', from: 'green', requireHealthy: false } as const;
/** The others have the header of the application only. */
const SAYS_WHOSE_ERROR: ReadonlySet<ProxyKind> = new Set(['nginx', 'haproxy']);

describe.each(KINDS)('traffic through %s', (kind) => {
  let scene: TrafficScene;

  afterEach(async () => {
    await scene.stop();
  });

  const configured = async (): Promise<string | null> =>
    (await lookAt(scene, scene.target({ token: 100 }))).colour;

  it('is proven, switched, seen, and brought back', async () => {
    scene = await givenTrafficScene(kind);
    expect(await proveTraffic(scene, scene.target())).toMatch(/; blue is served$/);
    expect(await configured()).toBe('blue');

    const there = await switchOver(scene, { target: scene.target() });
    expect(there).toMatchObject({ confirmed: 20, note: 'green, confirmed 20 of 20' });
    await willServe(scene.url, { colour: 'green', status: 200 });
    expect(await configured()).toBe('green');

    const back = await switchOver(scene, { target: scene.target(), ...BACK });
    expect(back.confirmed).toBe(20);
    await willServe(scene.url, { colour: 'blue', status: 200 });
  });

  it('done twice is done once', async () => {
    scene = await givenTrafficScene(kind);
    await switchOver(scene, { target: scene.target() });
    const again = await switchOver(scene, { target: scene.target() });
    expect(again.confirmed).toBe(20);
    expect(await configured()).toBe('green');
  });

  it('goes on after a kill between writing and applying', async () => {
    scene = await givenTrafficScene(kind);
    if (scene.persistOnly === null) return expect(kind).toBe('caddy-file');
    await scene.persistOnly('green');
    expect(await configured()).toBe('green');
    expect((await askThrough(scene.url)).colour).toBe('blue');
    await switchOver(scene, { target: scene.target() });
    await willServe(scene.url, { colour: 'green' });
  });

  it('goes on after a kill between applying and seeing', async () => {
    scene = await givenTrafficScene(kind);
    await (await lookAt(scene, scene.target())).switchTo('green', 'blue');
    const seen = await switchOver(scene, { target: scene.target() });
    expect(seen.confirmed).toBe(20);
  });

  it('keeps the colour when the proxy is restarted and reloaded', async () => {
    scene = await givenTrafficScene(kind);
    await switchOver(scene, { target: scene.target() });
    await scene.crash();
    await scene.start();
    await untilServed(scene.url, 'green');
    await scene.reload();
    await untilServed(scene.url, 'green');
    expect(await whoIsServed(scene.confirm)).toEqual({ colour: 'green', answered: true });
  });

  it('does not overwrite what somebody else wrote', async () => {
    scene = await givenTrafficScene(kind);
    await scene.meddle();
    await expect(switchOver(scene, { target: scene.target() })).rejects.toMatchObject({
      type: FAILURE.foreignHand,
    });
    expect(await configured()).toBeNull();
    expect((await askThrough(scene.url)).colour).toBe('blue');
    await expect(proveTraffic(scene, scene.target())).rejects.toMatchObject({ type: FAILURE.refused });
  });

  it('refuses to prove a proxy that cannot switch, and does not move traffic there', async () => {
    scene = await givenTrafficScene(kind);
    if (scene.spoil === null) return expect(kind).toBe('caddy-file');
    await scene.spoil();
    await expect(proveTraffic(scene, scene.target())).rejects.toMatchObject({ type: FAILURE.refused });
    await expect(switchOver(scene, { target: scene.target() })).rejects.toMatchObject({
      type: FAILURE.refused,
    });
    expect(await configured()).toBe('blue');
    expect((await askThrough(scene.url)).colour).toBe('blue');
  });

  it('does not believe a switch that was accepted and not applied, and says meanwhile what answers', async () => {
    scene = await givenTrafficScene(kind);
    await scene.numb();
    const { switchTraffic } = createTrafficActivities(scene);
    const target = scene.target({ confirmMs: 1_500 });
    const run = startActivity(switchTraffic, { target, to: 'green', from: 'blue', requireHealthy: true });
    await expect(run.result).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('answered 200 from blue') as string,
    });
    expect(run.heartbeats.at(-1)).toMatch(/: 0 of 20 answers of green in a row, before that 200 from blue$/);
  });

  it('tries again while the proxy is down', async () => {
    scene = await givenTrafficScene(kind);
    await scene.crash();
    const target = scene.target({ confirmMs: 500 });
    await expect(switchOver(scene, { target })).rejects.toMatchObject({
      type: 'Unreachable',
      nonRetryable: false,
    });
    await scene.start();
    const result = await switchOver(scene, { target: scene.target() });
    expect(result.confirmed).toBe(20);
    await willServe(scene.url, { colour: 'green' });
  });

  it('leaves traffic where it is when the other colour is not well', async () => {
    scene = await givenTrafficScene(kind);
    await scene.backends.green.set({ status: 503 });
    await expect(switchOver(scene, { target: scene.target() })).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('green is not well (/health: /health 503') as string,
    });
    expect((await askThrough(scene.url)).colour).toBe('blue');
  });

  it('goes back to a sick colour all the same', async () => {
    scene = await givenTrafficScene(kind);
    await switchOver(scene, { target: scene.target() });
    await scene.backends.blue.set({ status: 500 });
    const back = await switchOver(scene, { target: scene.target(), ...BACK });
    expect(back.confirmed).toBe(20);
  });

  it('goes back to where nothing is, when nothing was live', async () => {
    scene = await givenTrafficScene(kind);
    await scene.backends.blue.stop();
    await switchOver(scene, { target: scene.target() });
    await switchOver(scene, { target: scene.target(), ...BACK });
    expect(await configured()).toBe('blue');
    await expect.poll(async () => (await askThrough(scene.url)).status).toBeGreaterThanOrEqual(500);
  });

  it('goes back to a live colour that is gone, and believes it where the proxy says whose error it is', async () => {
    scene = await givenTrafficScene(kind);
    const target = scene.target({ confirmMs: 4_000 });
    if (target.plan.traffic !== null) target.plan.traffic.confirm.times = 1;
    await switchOver(scene, { target });
    await scene.backends.blue.stop();
    const live = givenRecord(target.plan, 'v1', 'blue');
    const back = switchOver(scene, { target: { ...target, live }, ...BACK });
    if (SAYS_WHOSE_ERROR.has(kind)) expect(await back).toMatchObject({ confirmed: 1 });
    else await expect(back).rejects.toMatchObject({ type: 'Unreachable', nonRetryable: false });
    expect(await configured()).toBe('blue');
  });

  it('refuses a token that is not the newest', async () => {
    scene = await givenTrafficScene(kind);
    await switchOver(scene, { target: scene.target({ token: 7 }) });
    await expect(
      switchOver(scene, { target: scene.target({ token: 6 }), to: 'blue', from: 'green' }),
    ).rejects.toMatchObject({ type: FAILURE.staleFence });
    await willServe(scene.url, { colour: 'green' });
  });

  it('stands two pipelines that switch at the same moment', async () => {
    scene = await givenTrafficScene(kind);
    const one = scene.target();
    const other = scene.target({ environment: 'stage' });
    const both = await Promise.all([
      switchOver(scene, { target: one, from: null }),
      switchOver(scene, { target: other, from: null }),
    ]);
    expect(both.map(({ confirmed }) => confirmed)).toEqual([20, 20]);
    expect(await configured()).toBe('green');
  });

  it('cannot be proven while a live release does not say its colour', async () => {
    scene = await givenTrafficScene(kind);
    const unseen = scene.target({ header: 'X-Other' });
    const target = { ...unseen, live: givenRecord(unseen.plan, 'v1', 'blue') };
    await expect(proveTraffic(scene, target)).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('without X-Other') as string,
    });
  });
});
