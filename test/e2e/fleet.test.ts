/** A release to several real hosts behind sshd, by the command and a real worker: what fails, dies, comes and goes. */
import { expect, test } from 'vitest';
import { put, read, take, useFleetScene } from '../support/fleet-scene.js';
import { until } from '../support/processes.js';
import { readJson } from '../support/slipway-command.js';

const fleet = useFleetScene();

test('comes to all of them, and each runs it once', async () => {
  const version = await fleet.commit('{ batch: 2 }');
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(fleet.all(version));
  for (const sshd of fleet.hosts) expect(await read(sshd, 'runs')).toBe(version);
});

test('one that serves badly stands apart before the next batch, and comes back when a person says so', async () => {
  const rollout = '{ batch: 2, max-failures: 1, failed-host: quarantine }';
  await fleet.commit(rollout);
  await fleet.release();
  const version = await fleet.commit(rollout);
  await put(fleet.hosts[0], 'unwell');
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(['', version, version, version]);
  const host = fleet.hosts[0].destination;
  expect((await fleet.scene.run('status', 'prod')).out).toContain(`${host} quarantined, again `);

  await take(fleet.hosts[0], 'unwell');
  expect(readJson(await fleet.scene.run('retry', 'prod', '--host', host, '--json')).exit).toBe(0);
  await until(`${host} is back`, async () => {
    const { out } = await fleet.scene.run('status', 'prod');
    return out.includes('quarantined') ? null : out;
  });
  expect(await fleet.releases()).toEqual(fleet.all(version));
});

test('one that refuses takes the others back with it, and is named with what it said', async () => {
  const before = await fleet.commit('{ batch: 2 }');
  await fleet.release();
  await fleet.commit('{ batch: 2 }');
  await put(fleet.hosts[2], 'refuse');
  const { exit, error } = await fleet.release();
  expect(exit).toBe(3);
  expect(error['what']).toContain(`${fleet.hosts[2].destination}: `);
  expect(error['why']).toContain('no room for');
  expect(await fleet.releases()).toEqual(fleet.all(before));
  // the last one was in the same batch, so it had begun; the first two were done
  expect(await fleet.scene.environment()).toMatchObject({ live: { version: before } });
});

test('one that refuses stands apart where the plan says so: stopped, shown, and the next release brings it back', async () => {
  await fleet.commit('{ batch: 2 }');
  await fleet.release();
  const version = await fleet.commit('{ batch: 2, max-failures: 1, failed-host: quarantine }');
  await put(fleet.hosts[1], 'refuse');
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual([version, '', version, version]);
  const { out } = await fleet.scene.run('status', 'prod');
  expect(out).toContain(`${fleet.hosts[1].destination} quarantined, again `);
  await take(fleet.hosts[1], 'refuse');
  const next = await fleet.commit('{ batch: 2, max-failures: 1, failed-host: quarantine }');
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(fleet.all(next));
  expect((await fleet.scene.run('status', 'prod')).out).not.toContain('quarantined');
});

test('half of them down: it names them, touches nothing, and goes on once they are back', async () => {
  const version = await fleet.commit('{ batch: 4 }');
  const away = fleet.hosts.slice(2);
  for (const sshd of away) await sshd.crash();
  const going = fleet.scene.run('release', '--to', 'prod', '--until', 'done', '--json');
  const status = await until('it waits for a person', async () => {
    const { out } = await fleet.scene.run('status', 'prod', '--json');
    return out.includes('preflight could not be made') ? out : null;
  });
  expect(status).toContain('preflight could not be made: retry, skip-host or abort');
  const { out } = await fleet.scene.run('watch', 'prod', '--until', 'waiting', '--json');
  for (const sshd of away) expect(out).toContain(`${sshd.destination}: cannot be reached`);
  expect(await fleet.releases()).toEqual(['', '', '', '']);
  for (const sshd of away) await sshd.start();
  expect((await fleet.scene.run('retry', 'prod')).exit).toBe(0);
  expect((await going).exit).toBe(0);
  expect(await fleet.releases()).toEqual(fleet.all(version));
});

test('one that loses the network in the middle is gone on with when it is back, and has run it once', async () => {
  const version = await fleet.commit('{ batch: 4 }');
  await put(fleet.hosts[3], 'hold');
  const going = fleet.release();
  await until('it runs on the last one', async () => (await read(fleet.hosts[3], 'begun')) === version);
  await fleet.hosts[3].crash();
  await take(fleet.hosts[3], 'hold');
  await until('the others have it', async () => (await read(fleet.hosts[2], 'release')) === version);
  await fleet.hosts[3].start();
  expect(await going).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(fleet.all(version));
  expect(await read(fleet.hosts[3], 'runs')).toBe(version);
});

test('the worker is killed in the middle: none runs it twice', async () => {
  const version = await fleet.commit('{ batch: 2 }');
  for (const sshd of fleet.hosts.slice(0, 2)) await put(sshd, 'hold');
  const going = fleet.release();
  await until('it runs on the first two', async () => (await read(fleet.hosts[1], 'begun')) === version);
  fleet.stage.killWorker();
  for (const sshd of fleet.hosts.slice(0, 2)) await take(sshd, 'hold');
  expect(await going).toMatchObject({ exit: 0 });
  for (const sshd of fleet.hosts) expect(await read(sshd, 'runs')).toBe(version);
});

test('hosts come and go between releases: the new one is undone to nothing, the old one is named', async () => {
  const [first, second, third, fourth] = fleet.hosts;
  const before = await fleet.commit('{ batch: 2 }', [first, second, third]);
  await fleet.release();
  await fleet.commit('{ batch: 2 }', [second, third, fourth]);
  await put(fourth, 'refuse');
  expect(await fleet.release()).toMatchObject({ exit: 3 });
  expect(await fleet.releases()).toEqual([before, before, before, '']);
  await take(fourth, 'refuse');
  const next = await fleet.commit('{ batch: 2 }', [second, third, fourth]);
  const { exit, data } = await fleet.release();
  expect(exit).toBe(0);
  expect(await fleet.releases()).toEqual([before, next, next, next]);
  expect(JSON.stringify(data)).toContain(
    `${first.destination} left the environment and still runs ${before}`,
  );
});
