/** What is Caddy's own: its admin API, who else uses it, and what is left of it after a restart. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { proveTraffic } from '../../activities/traffic/prove-traffic.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import type { Target } from '../../workflows/activity-contract.js';
import { FAILURE } from '../../workflows/failures.js';
import { createCaddy, type Caddy } from '../support/caddy.js';
import { answers } from '../support/run-proxy.js';
import {
  askCaddy,
  askThrough,
  changedTarget,
  givenTrafficScene,
  lookAt,
  switchOver,
  untilServed,
  type TrafficScene,
} from '../support/traffic-scene.js';

type CaddyPlan = Extract<TrafficPlan, { kind: 'caddy' }>;

let scene: TrafficScene;
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await scene.stop();
});

function targetWith(change: Partial<CaddyPlan>, environment = 'prod'): Target {
  return changedTarget(scene, 'caddy', change, { environment });
}

function planOf({ plan }: Target): CaddyPlan {
  if (plan.traffic?.kind !== 'caddy') throw new Error('not a scene of caddy');
  return plan.traffic;
}

async function ask(method: string, where: string, value?: unknown): Promise<unknown> {
  const { admin } = planOf(scene.target());
  const answer = await askCaddy(() =>
    fetch(`${admin}${where}`, {
      method,
      headers: { 'content-type': 'application/json', origin: admin, connection: 'close' },
      ...(value === undefined ? {} : { body: JSON.stringify(value) }),
    }),
  );
  if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
  return method === 'GET' ? answer.json() : null;
}

async function reconfigure(change: (caddyfile: string) => string): Promise<void> {
  const file = path.join(scene.folder, 'Caddyfile');
  await writeFile(file, change(await readFile(file, 'utf8')));
  await scene.reload();
}

const UPSTREAMS = '/config/apps/http/servers/srv0/routes/0/handle/0/routes/0/handle/1/upstreams';

describe('a Caddyfile with a snippet', () => {
  it('moves every reverse_proxy that has the addresses, and no other', async () => {
    scene = await givenTrafficScene('caddy');
    await reconfigure(
      (text) => `${text}
http://127.0.0.2:9099 {
    reverse_proxy /api/* {
        import ${path.join(scene.folder, 'slipway/shop.caddy')}
    }
    reverse_proxy ${scene.backends.green.address} 127.0.0.1:9000
}`,
    );
    await switchOver(scene, { target: scene.target() });
    const { blue, green } = planOf(scene.target()).upstreams;
    const dials = JSON.stringify(await ask('GET', '/config/apps/http/servers')).match(/"dial":"[^"]+"/g);
    expect(dials).not.toContain(`"dial":"${blue}"`);
    expect(dials?.filter((dial) => dial.includes(green))).toHaveLength(3);
  });

  it('keeps what somebody else changed between the look and the switch', async () => {
    scene = await givenTrafficScene('caddy');
    const look = await lookAt(scene, scene.target());
    await ask('PUT', '/config/apps/http/servers/other', { listen: ['127.0.0.2:9098'] });
    await look.switchTo('green', 'blue');
    await untilServed(scene.url, 'green');
    expect(await ask('GET', '/config/apps/http/servers/other')).toEqual({ listen: ['127.0.0.2:9098'] });
  });

  it('serves several pipelines that switch at once', async () => {
    scene = await givenTrafficScene('caddy');
    const names = ['one', 'two', 'three'];
    const addresses = (name: string): { blue: string; green: string } => {
      const port = 9100 + names.indexOf(name) * 2;
      return { blue: `127.0.0.1:${port}`, green: `127.0.0.1:${port + 1}` };
    };
    for (const name of names) {
      await writeFile(path.join(scene.folder, `slipway/${name}.caddy`), `to ${addresses(name).blue}\n`);
    }
    const sites = names.map((name, index) => {
      const snippet = path.join(scene.folder, `slipway/${name}.caddy`);
      return `http://127.0.0.2:${9090 + index} {\n    reverse_proxy {\n        import ${snippet}\n    }\n}\n`;
    });
    await reconfigure((text) => `${text}\n${sites.join('')}`);
    const targets = names.map((name) =>
      targetWith(
        { upstreams: addresses(name), file: path.join(scene.folder, `slipway/${name}.caddy`) },
        name,
      ),
    );
    for (const to of ['green', 'blue', 'green'] as const) {
      await Promise.all(targets.map(async (target) => (await lookAt(scene, target)).switchTo(to, null)));
    }
    const running = JSON.stringify(await ask('GET', '/config/'));
    for (const name of names) {
      expect(running).toContain(addresses(name).green);
      expect(running).not.toContain(addresses(name).blue);
    }
    await scene.reload();
    expect(JSON.stringify(await ask('GET', '/config/'))).toBe(running);
    await untilServed(scene.url, 'blue');
  });

  it('is not proven when the snippet is not what Caddy does', async () => {
    scene = await givenTrafficScene('caddy');
    await reconfigure((text) => text.replace(/import .*/, `to ${scene.backends.blue.address}`));
    await switchOver(scene, { target: scene.target() });
    await scene.crash();
    await scene.start();
    await untilServed(scene.url, 'blue');
    await expect(proveTraffic(scene, scene.target())).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringMatching(
        /names green, but Caddy sends users to blue; import .*shop\.caddy/,
      ) as string,
    });
  });

  it.each([
    ['/config/apps/http/servers/none', /answers 40\d to GET|has no reverse_proxy/],
    ['/id/none', /unknown object ID/],
    ['/config/apps/http/servers/srv0/listen', /has no reverse_proxy to .*; it has none/],
  ])('is refused when %s does not hold it', async (where, message) => {
    scene = await givenTrafficScene('caddy');
    const target = targetWith({ path: where });
    const refusal = { type: FAILURE.refused, message: expect.stringMatching(message) as string };
    await expect(proveTraffic(scene, target)).rejects.toMatchObject(refusal);
    await expect(switchOver(scene, { target })).rejects.toMatchObject(refusal);
    expect(await askThrough(scene.url)).toMatchObject({ colour: 'blue' });
  });

  it('names the addresses that Caddy has when they are others', async () => {
    scene = await givenTrafficScene('caddy');
    const target = targetWith({ upstreams: { blue: '127.0.0.1:9', green: '127.0.0.1:10' } });
    await expect(proveTraffic(scene, target)).rejects.toThrow(
      `has no reverse_proxy to 127.0.0.1:9 or 127.0.0.1:10; it has ${scene.backends.blue.address}`,
    );
  });
});

describe('without a snippet', () => {
  let server: Caddy;

  async function givenResuming(change = (text: string) => text): Promise<void> {
    scene = await givenTrafficScene('caddy');
    await scene.crash();
    server = await createCaddy(['--resume']);
    stops.push(server.stop);
    await writeFile(
      server.configuration,
      change(await readFile(path.join(scene.folder, 'Caddyfile'), 'utf8')),
    );
    await start();
  }

  const start = (): Promise<void> => server.start(() => answers(scene.url));

  it('keeps the colour over a restart by itself', async () => {
    await givenResuming();
    const target = targetWith({ file: null });
    expect(await proveTraffic(scene, target)).toBe('Caddy sends users to blue; blue is served');
    expect((await switchOver(scene, { target })).confirmed).toBe(20);
    await server.crash();
    await start();
    await untilServed(scene.url, 'green');
    expect((await lookAt(scene, target)).colour).toBe('green');
    const back = { target, to: 'blue', from: 'green', requireHealthy: false } as const;
    expect((await switchOver(scene, back)).confirmed).toBe(20);
  });

  it('is found by its id', async () => {
    await givenResuming();
    await ask('POST', UPSTREAMS.replace('/upstreams', '/@id'), 'shop');
    const target = targetWith({ file: null, path: '/id/shop' });
    expect((await switchOver(scene, { target })).confirmed).toBe(20);
    expect(await ask('GET', '/id/shop/upstreams')).toEqual([{ dial: scene.backends.green.address }]);
  });

  it('is not proven where a restart would bring the old colour back', async () => {
    scene = await givenTrafficScene('caddy');
    await expect(proveTraffic(scene, targetWith({ file: null }))).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('Caddy runs without --resume') as string,
    });
  });

  it('is not proven when Caddy keeps nothing', async () => {
    await givenResuming((text) => text.replace('{', '{\n    persist_config off'));
    await expect(proveTraffic(scene, targetWith({ file: null }))).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('admin.config.persist is false') as string,
    });
  });

  it('does not overwrite what somebody else told Caddy', async () => {
    await givenResuming();
    await ask('PATCH', UPSTREAMS, [{ dial: scene.backends.blue.address.replace('127.0.0.1', 'localhost') }]);
    const target = targetWith({ file: null });
    await expect(switchOver(scene, { target })).rejects.toMatchObject({ type: FAILURE.foreignHand });
    expect((await lookAt(scene, target)).colour).toBeNull();
    expect(await askThrough(scene.url)).toMatchObject({ colour: 'blue' });
  });

  it('tries again while Caddy is down', async () => {
    await givenResuming();
    await server.crash();
    const target = targetWith({ file: null });
    await expect(switchOver(scene, { target })).rejects.toMatchObject({ nonRetryable: false });
    await start();
    expect((await switchOver(scene, { target })).confirmed).toBe(20);
  });
});
