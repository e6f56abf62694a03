/** A change that is parked, seen by the command: what waits for a person, why, and what brings it on. */
import { expect, it } from 'vitest';
import { setClientScene } from '../support/client-scene.js';
import { breakActivity, environmentKey } from '../support/fake-world.js';
import { readJson } from '../support/slipway-command.js';

const scene = setClientScene();
const { bringLive, run, untilStatus, waitsFor } = scene;

it('status and doctor name what is parked, its output and the one way out', async () => {
  const { world } = scene.harness;
  const key = environmentKey(scene.pipeline, scene.prod);
  await bringLive('v1.0.0');
  breakActivity(world, key, 'verify', 'say-no');
  breakActivity(world, key, 'undoDeploy', 'refuse');
  await run(`release v2.0.0 --to ${scene.prod} --until waiting`, 'irina');
  await run(`approve ${scene.prod} --yes`);
  await waitsFor('a person: undo of deploy failed');
  const wayOut = `mend it; then slipway retry ${scene.prod}`;
  const status = await run(`status ${scene.prod}`);
  for (const said of ['waits: a person: undo of deploy failed', 'why      log line', `way out  ${wayOut}`])
    expect(status.out).toContain(said);
  expect(status.out).toMatch(new RegExp(`next +slipway retry ${scene.prod}\n`));
  expect(status.out).toMatch(/v1\.0\.0 blue .*✗/);
  const doctor = readJson(await run(`doctor ${scene.prod} --json`));
  expect(doctor).toMatchObject({
    exit: 5,
    error: {
      what: 'v2.0.0 is in flight and waits for a person: undo of deploy failed',
      where: scene.prod,
      why: 'undoDeploy was refused\nlog line',
      wayOut,
      docs: 'docs/commands.md#looking',
    },
  });
  const seen = await run(`doctor ${scene.prod}`);
  expect(seen.out).toContain('A release would wait for a person.');
  expect(await run(`retry ${scene.prod}`)).toMatchObject({ exit: 0 });
  const after = await untilStatus('it is undone', ({ inFlight }) => inFlight === undefined);
  expect(after).toMatchObject({ health: 'ok', needsPerson: null });
  expect(await run(`doctor ${scene.prod}`)).toMatchObject({ exit: 0 });
});
