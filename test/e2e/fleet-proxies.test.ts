/** Two hosts with nginx on each, released to by the command and a real worker: traffic moves host by host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressOf } from '../support/team-world.js';
import {
  freeNginx,
  jamNginx,
  mendNginx,
  spoilNginx,
  startProxyFleet,
  type ProxyFleet,
} from '../support/proxy-fleet-scene.js';
import { until } from '../support/processes.js';

let fleet: ProxyFleet;

beforeAll(async () => {
  fleet = await startProxyFleet();
});
afterAll(() => fleet.stop());

test('is released to, switched and rolled back on every host', async () => {
  const first = await fleet.release();
  expect(first).toMatchObject({ exit: 0 });
  expect(await fleet.served()).toEqual([`blue ${first.version}`, `blue ${first.version}`]);
  const second = await fleet.release();
  expect(second).toMatchObject({ exit: 0 });
  expect(await fleet.served()).toEqual([`green ${second.version}`, `green ${second.version}`]);

  const { out } = await fleet.scene.run('doctor', 'prod');
  expect(out).toContain('2 proxies: ');
  expect(out).toContain('green is served');

  expect((await fleet.scene.run('rollback', 'prod', '--yes')).exit).toBe(0);
  expect(await fleet.served()).toEqual([`blue ${first.version}`, `blue ${first.version}`]);
});

test('goes back on all of them when one proxy does not take it', async () => {
  const before = await fleet.served();
  // the first batch is switched when the second is refused
  const broken = fleet.hosts.web2;
  await spoilNginx(broken);
  const refused = await fleet.release();
  expect(refused.exit).toBe(3);
  expect(refused.error['what']).toContain(`${addressOf(broken)}: `);
  expect(await fleet.served()).toEqual(before);
  await mendNginx(broken);
});

test('goes back by itself though a proxy takes nothing, not even the way back: it never left', async () => {
  const before = await fleet.served();
  await jamNginx(fleet.hosts.web2);
  expect(await fleet.release()).toMatchObject({ exit: 3 });
  expect(await fleet.served()).toEqual(before);
  await freeNginx(fleet.hosts.web2);
});

test('leaves a host out of traffic that may fail, and takes it back when a person says so', async () => {
  const rollout = '{ batch: 1, max-failures: 1, failed-host: quarantine }';
  const broken = fleet.hosts.web2;
  await spoilNginx(broken);
  const released = await fleet.release(rollout);
  expect(released.exit).toBe(0);
  const [good, out] = await fleet.served();
  expect(good).toContain(released.version);
  // a load balancer sends nobody there
  expect(out).toBe('404');
  expect((await fleet.scene.run('status', 'prod')).out).toContain(`${addressOf(broken)} quarantined, again `);

  // it gets the next release too, and goes back to nothing with the others
  await mendNginx(broken);
  await spoilNginx(fleet.hosts.web1);
  expect(await fleet.release('{ batch: 2 }')).toMatchObject({ exit: 3 });
  expect(await fleet.served()).toEqual([good, '404']);
  await mendNginx(fleet.hosts.web1);

  expect((await fleet.scene.run('retry', 'prod', '--host', addressOf(broken))).exit).toBe(0);
  await until('both serve it', async () => (await fleet.served()).every((one) => one === good));
  expect(await fleet.scene.environment()).toMatchObject({ live: { version: released.version } });
});
