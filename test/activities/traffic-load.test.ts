/** Switching under load: what users lose. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Colour } from '../../pipeline/plan.js';
import { drain } from '../../activities/traffic/drain.js';
import { switchTraffic } from '../../activities/traffic/switch-traffic.js';
import { startLoad } from '../support/load.js';
import { givenTrafficScene, type TrafficScene } from '../support/traffic-scene.js';

describe('switching under load', () => {
  let scene: TrafficScene;

  afterEach(async () => {
    await scene.stop();
  });

  async function switchTo(to: Colour): Promise<void> {
    await switchTraffic(
      scene,
      { target: scene.target(), to, from: null, requireHealthy: true },
      { signal: new AbortController().signal, say: () => {} },
    );
  }

  it.each(['haproxy', 'traefik', 'caddy-file'] as const)(
    'loses nothing in 20 switches with %s',
    async (kind) => {
      scene = await givenTrafficScene(kind);
      // half on kept connections, half on new ones
      const load = startLoad(`${scene.url}/`);
      for (let round = 0; round < 10; round += 1) {
        await switchTo('green');
        await switchTo('blue');
      }
      const { failed, answers } = await load.stop();
      expect(failed).toEqual({});
      expect(answers['blue']).toBeGreaterThan(0);
      expect(answers['green']).toBeGreaterThan(0);
    },
  );

  it.each(['haproxy', 'traefik', 'caddy-file'] as const)(
    'loses nothing with %s when the old colour is killed after it was drained',
    async (kind) => {
      scene = await givenTrafficScene(kind);
      const load = startLoad(`${scene.url}/`);
      await switchTo('green');
      await drain(scene.target({ drainMs: 300 }).plan, new AbortController().signal);
      await scene.backends.blue.stop();
      // the load goes on for a while
      await switchTo('green');
      const { failed } = await load.stop();
      expect(failed).toEqual({});
    },
  );

  it.each([
    // one per loop at the most: a request sent in the moment an old worker closes an idle connection
    ['nginx', 8],
    // new connections as well: those that its old listener had not accepted yet
    ['caddy', 40],
  ] as const)('loses at most resets of connections with %s, and never an answer', async (kind, most) => {
    scene = await givenTrafficScene(kind);
    const load = startLoad(`${scene.url}/`);
    await switchTo('green');
    await drain(scene.target({ drainMs: 300 }).plan, new AbortController().signal);
    await scene.backends.blue.stop();
    await switchTo('green');
    const { failed, requests } = await load.stop();
    const { ECONNRESET: resets = 0, ...others } = failed;
    expect(others).toEqual({});
    expect(resets).toBeLessThanOrEqual(most);
    expect(requests).toBeGreaterThan(100);
  });
});
