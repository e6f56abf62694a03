/** A host of a fleet that is not what it was: its disk is empty, or it comes back as it was before. */
import { expect, test } from 'vitest';
import { connectToTemporal } from '../../client/connect.js';
import { laneId } from '../../workflows/names.js';
import { put, read, reinstall, snapshot, take, useFleetScene } from '../support/fleet-scene.js';
import { until } from '../support/processes.js';

const fleet = useFleetScene();

test('reinstalled between releases: it gets the next one like the others', async () => {
  const [, second] = fleet.hosts;
  await fleet.commit('{ batch: 2 }');
  await fleet.release();
  await reinstall(second);
  const next = await fleet.commit('{ batch: 2 }');
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(fleet.all(next));
});

test('reinstalled between releases, and the next one fails: nothing was there, nothing is there', async () => {
  const [, second, , fourth] = fleet.hosts;
  const before = await fleet.commit('{ batch: 2 }');
  await fleet.release();
  await reinstall(second);
  await fleet.commit('{ batch: 2 }');
  await put(fourth, 'refuse');
  expect(await fleet.release()).toMatchObject({ exit: 3 });
  expect(await fleet.releases()).toEqual([before, '', before, before]);
});

test('reinstalled in the middle: it is left alone, the others go back, and a person lets it have what is live', async () => {
  const [first, , third] = fleet.hosts;
  const before = await fleet.commit('{ batch: 2 }');
  await fleet.release();
  const version = await fleet.commit('{ batch: 2 }');
  await put(first, 'hold');
  const going = fleet.release();
  await until('it runs on the first', async () => (await read(first, 'begun')).endsWith(version));
  await reinstall(third);
  await take(first, 'hold');
  await until('it waits for a person', async () =>
    (await fleet.scene.run('status', 'prod', '--json')).out.includes('a person: undo of deploy'),
  );
  const { out } = await fleet.scene.run('watch', 'prod', '--until', 'waiting', '--json');
  expect(out).toContain(`host ${third.destination}`);
  expect(out).toContain('it was reinstalled or replaced');
  expect(await fleet.releases()).toEqual([before, before, '', before]);
  const link = await connectToTemporal({ env: { TEMPORAL_ADDRESS: fleet.stage.temporal } });
  await link.client.workflow.getHandle(laneId(fleet.scene.pipeline, 'prod')).terminate('web-3 is new');
  await link.close();
  expect(await going).toMatchObject({ exit: 3 });
  expect(await fleet.releases()).toEqual(fleet.all(before));
});

test('reinstalled in the middle, where one may stand apart: the others go on without it', async () => {
  const [first, , third] = fleet.hosts;
  await fleet.commit('{ batch: 2 }');
  await fleet.release();
  const rollout = '{ batch: 2, max-failures: 1, failed-host: quarantine }';
  const version = await fleet.commit(rollout);
  await put(first, 'hold');
  const going = fleet.release();
  await until('it runs on the first', async () => (await read(first, 'begun')).endsWith(version));
  await reinstall(third);
  await take(first, 'hold');
  expect(await going).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual([version, version, '', version]);
  const { out } = await fleet.scene.run('status', 'prod');
  expect(out).toContain(`${third.destination} quarantined`);
  expect(out).toContain('reinstalled or replaced');
  const next = await fleet.commit(rollout);
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(fleet.all(next));
});

test('away during a release, it comes back with the one before, and the next release brings it along', async () => {
  const [, , , fourth] = fleet.hosts;
  const rollout = '{ batch: 2, max-failures: 1, failed-host: quarantine }';
  const before = await fleet.commit(rollout);
  await fleet.release();
  await fourth.crash();
  const version = await fleet.commit(rollout);
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  await fourth.start();
  expect(await fleet.releases()).toEqual([version, version, version, before]);
  expect((await fleet.scene.run('status', 'prod')).out).toContain(
    `${fourth.destination} quarantined, again `,
  );
  const next = await fleet.commit(rollout);
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(fleet.all(next));
});

test('its disk is put back to before the last release: the next release brings it along', async () => {
  const [first, second] = fleet.hosts;
  const old = await fleet.commit('{ batch: 4 }');
  await fleet.release();
  const bring = await snapshot(second);
  const live = await fleet.commit('{ batch: 4 }');
  await fleet.release();
  await bring();
  expect(await fleet.releases()).toEqual([live, old, live, live]);
  await fleet.commit('{ batch: 1 }');
  await put(first, 'refuse');
  expect(await fleet.release()).toMatchObject({ exit: 3 });
  expect(await fleet.releases()).toEqual([live, old, live, live]);
  await take(first, 'refuse');
  const next = await fleet.commit('{ batch: 4 }');
  expect(await fleet.release()).toMatchObject({ exit: 0 });
  expect(await fleet.releases()).toEqual(fleet.all(next));
});
