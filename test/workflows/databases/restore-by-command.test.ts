/** `slipway rollback --restore-database`: what a person is asked and told, and whose word it takes. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EnvironmentRequest } from '../../../workflows/messages.js';
import { SIGNAL } from '../../../workflows/names.js';
import type { EnvironmentScene } from '../../support/environment-scene.js';
import { IRINA, MAY, OLEG, type Printed, SignedScene } from '../../support/signed-scene.js';
import { readJson } from '../../support/slipway-command.js';
import { DATABASE, givenPlanWithDatabase } from '../../support/two-releases.js';

let scene: SignedScene;
beforeAll(async () => {
  scene = await SignedScene.start();
});
afterAll(() => scene.end());

async function givenTwo(may?: typeof MAY, change = {}): Promise<EnvironmentScene> {
  const { name: _, ...plan } = givenPlanWithDatabase(change);
  const prod = scene.givenEnvironment(may, plan);
  for (const number of [1, 2]) await prod.release(number);
  return prod;
}

it('names the backup and what is lost, and asks', async () => {
  const prod = await givenTwo();
  const { name } = prod.plan;
  const line = `rollback ${name} --restore-database`;
  const no = await scene.run(line, OLEG, OLEG, 'n');
  expect(no.exit).toBe(5);
  expect(no.out).toMatch(
    /restored from backup-2,\n.*made before v2, on .*; read back when it was made\. It lies on web-1/,
  );
  expect(no.out).toContain('Everything written to it since is lost. It cannot be undone.');
  expect(no.out).toContain('v2 goes on running meanwhile');
  expect([prod.serving(), prod.world().database]).toEqual(['v2', 'v2']);
  // nobody is there to be asked
  expect((await scene.run(line, OLEG)).exit).toBe(2);

  const yes = await scene.run(line, OLEG, OLEG, 'y');
  expect(yes, yes.err).toMatchObject({ exit: 0 });
  expect(yes.out).toContain('its database restored from backup-2 on web-1');
  expect([prod.serving(), prod.world().database]).toEqual(['v1', 'backup-2']);
  const word = 'rollback with the database from backup-2 by oleg@example.com';
  expect((await scene.run(`status ${name}`)).out).toContain(word);
});

it('says in --json what it restores from, and why it cannot', async () => {
  const prod = await givenTwo();
  const { name } = prod.plan;
  const asked = readJson(await scene.run(`rollback ${name} v1 --restore-database --yes --json`, OLEG));
  expect(asked).toMatchObject({ exit: 0, data: { restoreDatabase: 'backup-2' } });
  const nothing = await scene.run(`rollback ${name} v1 --restore-database --yes --json`, OLEG);
  expect([nothing.exit, readJson(nothing).error?.['what']]).toEqual([
    5,
    'no backup is known of the database as v1 left it',
  ]);
  const other = await givenTwo(undefined, { database: { ...DATABASE, restore: null } });
  const refused = await scene.run(`rollback ${other.plan.name} --restore-database --yes`, OLEG);
  expect([refused.exit, refused.err]).toEqual([5, expect.stringContaining('says nowhere how its database')]);
  expect(other.serving()).toBe('v2');
});

it('takes a word that names the backup, where a rollback takes a signed one', async () => {
  const prod = await givenTwo(MAY);
  const { name } = prod.plan;
  const raw = await prod.ended(await prod.rollback('v1', undefined, 'backup-2'));
  expect(raw.failure?.what).toBe('that v1 comes back is not signed');
  // what brings back the release only does not restore
  const plain = JSON.parse((await scene.run(`rollback ${name} v1 --print`)).out) as Extract<
    EnvironmentRequest,
    { type: 'rollback' }
  > &
    Printed;
  await prod.send(SIGNAL.request, { ...plain, restoreDatabase: 'backup-2' });
  expect((await prod.ended(plain.requestId)).failure?.what).toContain('it was signed for another backup');
  const denied = await scene.run(`rollback ${name} --restore-database --yes`, OLEG);
  expect(denied.exit).toBe(5);
  expect([prod.serving(), prod.world().database]).toEqual(['v2', 'v2']);

  const done = await scene.run(`rollback ${name} --restore-database --yes`, IRINA);
  expect(done, done.err).toMatchObject({ exit: 0 });
  expect(done.out).toContain('rollback with the database from backup-2 by irina@example.com (signed)');
  expect([prod.serving(), prod.world().database]).toEqual(['v1', 'backup-2']);
});
