/** What `slipway rollback` of a settled release does to its database: takes it back, lets it be, or restores a backup by a person's word. */
import { describe, expect, it } from 'vitest';
import type { CheckPlan, EnvironmentPlan, GatePlan } from '../../../pipeline/plan.js';
import type { VerifyInput } from '../../../workflows/activity-contract.js';
import { touchedNothing } from '../../../workflows/result.js';
import { activityInputs } from '../../support/activity-inputs.js';
import { decideOn, waitsFor } from '../../support/change-scene.js';
import { EnvironmentScene, givenVersion } from '../../support/environment-scene.js';
import { givenCheck } from '../../support/given.js';
import { BEFORE_IT_SERVES, DATABASE, givenPlanWithDatabase } from '../../support/two-releases.js';
import { useHarness } from '../../support/use-harness.js';

const harness = useHarness();

const ADDITIVE: GatePlan = {
  ...{ name: 'additive', timeoutMs: 1000, kind: 'migrations', mode: 'expand-contract', path: 'migrations' },
};
const READ = { kind: 'gate', name: 'additive', verdict: 'pass', by: null, at: '', note: null } as const;

/** v1 and v2 are live one after the other, each with a migration. */
async function givenTwo(
  change: Partial<EnvironmentPlan> = {},
  hasColours = false,
): Promise<EnvironmentScene> {
  const prod = new EnvironmentScene(harness, givenPlanWithDatabase(change, hasColours));
  await prod.release(1);
  await prod.release(2);
  return prod;
}

function callsOf(prod: EnvironmentScene, since: number): string[] {
  return prod
    .world()
    .calls.slice(since)
    .map((call) => call.split(' ')[0] ?? '');
}

async function rollBack(prod: EnvironmentScene, version: string, restoreDatabase?: string) {
  const since = prod.world().calls.length;
  const result = await prod.ended(await prod.rollback(version, undefined, restoreDatabase));
  return { result, calls: callsOf(prod, since) };
}

const lane = (prod: EnvironmentScene) => harness.client.workflow.getHandle(prod.lane);

describe('a rollback takes the database back', () => {
  it('once the release before serves, and remembers where it is', async () => {
    const prod = await givenTwo();
    const { result, calls } = await rollBack(prod, 'v1');
    expect(result).toMatchObject({ state: 'succeeded', clean: true });
    expect([prod.serving(), prod.world().database]).toEqual(['v1', 'v1']);
    expect(
      calls.filter((call) => ['deploy', 'verify', 'revertDatabase', 'readDatabase'].includes(call)),
    ).toEqual(['deploy', 'deploy', 'verify', 'revertDatabase', 'readDatabase']);
    expect(result.steps).toContainEqual(expect.objectContaining({ name: 'revert', note: 'back at v1' }));
    expect((await prod.status()).live?.database?.revision).toBe('v1');
  });

  it('and is not asked before whether it has the migrations of that release', async () => {
    const health = givenCheck();
    const { kind: _, ...timing } = { ...health, name: 'migrated' };
    const applied = { ...timing, kind: 'migrations', mode: 'applied' } as CheckPlan;
    const prod = await givenTwo({ checks: [health, applied] });
    await rollBack(prod, 'v1');
    const asked = await activityInputs(lane(prod), 'verify');
    expect(asked.map((input) => (input as VerifyInput).checks.map(({ name }) => name))).toEqual([['health']]);
    await prod.release(3);
    const [forward] = await activityInputs(lane(prod), 'verify');
    expect(forward).toMatchObject({ checks: [{ name: 'health' }, { name: 'migrated' }] });
  });

  it('over several releases at once, and forward again with a release that is newer', async () => {
    const prod = await givenTwo();
    await prod.release(3);
    await rollBack(prod, 'v1');
    expect([prod.serving(), prod.world().database]).toEqual(['v1', 'v1']);
    const { result, calls } = await rollBack(prod, 'v3');
    expect([result.state, prod.serving(), prod.world().database]).toEqual(['succeeded', 'v3', 'v3']);
    expect(calls).toEqual(expect.arrayContaining(['backupDatabase', 'migrateDatabase']));
  });

  it('not where a gate has read that everything since only adds', async () => {
    const prod = await givenTwo({ gates: [ADDITIVE] });
    for (const number of [3, 4]) {
      const { requestId } = await prod.ask(givenVersion(prod.plan, number, { evidence: [READ] }));
      await prod.ended(requestId);
    }
    const { calls } = await rollBack(prod, 'v2');
    expect([prod.serving(), prod.world().database]).toEqual(['v2', 'v4']);
    expect(calls).not.toContain('revertDatabase');
    expect((await prod.status()).live?.database?.revision).toBe('v4');
    // one release further back nobody has read it
    await rollBack(prod, 'v1');
    expect([prod.serving(), prod.world().database]).toEqual(['v1', 'v1']);
  });

  it('not without a revert', async () => {
    const prod = await givenTwo({ database: { ...DATABASE, revert: null } });
    const { result, calls } = await rollBack(prod, 'v1');
    expect([result.state, prod.serving(), prod.world().database]).toEqual(['succeeded', 'v1', 'v2']);
    expect(calls).not.toContain('revertDatabase');
    expect(result.steps.at(-1)?.note).toContain('database at v2');
  });

  it('after traffic has moved to a warm colour; what is left is stopped right away', async () => {
    const prod = await givenTwo({}, true);
    const { calls } = await rollBack(prod, 'v1');
    expect(calls.slice(0, 3)).toEqual(['switchTraffic', 'verify', 'revertDatabase']);
    expect([prod.serving(), prod.world().database]).toEqual(['v1', 'v1']);
    await prod.until('nothing is warm', ({ warm, inFlight }) => warm === null && inFlight === null);
    expect(prod.world().calls).toContain('retireColour green');
  });

  it('waits for a person when that fails, and nobody sends it back meanwhile', async () => {
    const prod = await givenTwo();
    prod.break('revertDatabase', 'refuse');
    const requestId = await prod.rollback('v1');
    await waitsFor(lane(prod), 'a person: revert failed');
    for (const word of ['abort', 'back'] as const)
      expect((await decideOn(lane(prod), word)).refused).toMatch(/^revert failed and a person must look/);
    expect(await decideOn(lane(prod), 'retryStep')).toMatchObject({ accepted: true });
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded', clean: true });
    expect(prod.world().database).toBe('v1');
  });

  it('of a rollback that died: what was live comes again, with what it has migrated', async () => {
    const prod = await givenTwo();
    const held = prod.hold('revertDatabase');
    const requestId = await prod.rollback('v1');
    await held.arrived();
    await prod.terminateLane();
    held.release();
    expect(await prod.ended(requestId)).toMatchObject({ state: 'failed', clean: true });
    expect([prod.serving(), prod.world().database]).toEqual(['v2', 'v2']);
  });
});

describe('a rollback restores the database by a person’s word', () => {
  it('proven first, with what is live stopped, before the release before comes', async () => {
    const prod = await givenTwo();
    const { result, calls } = await rollBack(prod, 'v1', 'backup-2');
    expect(result).toMatchObject({ state: 'succeeded', clean: true });
    expect(result.headline).toContain('its database restored from backup-2');
    const order = [
      'proveWayBack',
      'readBackup',
      'stopWriters',
      'restoreDatabase',
      'deploy',
      'deploy',
      'verify',
    ];
    expect(calls.filter((call) => order.includes(call))).toEqual(order);
    expect(calls).not.toContain('revertDatabase');
    expect([prod.serving(), prod.world().database]).toEqual(['v1', 'backup-2']);
    expect(result.said?.decisions).toMatchObject([
      { decision: 'rollback with the database from backup-2', by: 'oleg' },
    ]);
  });

  it('with colours as well: nothing is switched to before it is restored', async () => {
    const prod = await givenTwo({}, true);
    const { calls } = await rollBack(prod, 'v1', 'backup-2');
    const order = ['readBackup', 'stopWriters', 'restoreDatabase', 'deploy', 'verify', 'switchTraffic'];
    expect([...new Set(calls.filter((call) => order.includes(call)))]).toEqual(order);
    expect(prod.serving()).toBe('v1');
    await prod.until('nothing is warm', ({ warm, inFlight }) => warm === null && inFlight === null);
  });

  it('and never without that word', async () => {
    const prod = await givenTwo();
    const { calls } = await rollBack(prod, 'v1');
    for (const call of ['readBackup', 'stopWriters', 'restoreDatabase']) expect(calls).not.toContain(call);
  });

  it('from the backup that was made before the release that came next, and from no other', async () => {
    const prod = await givenTwo();
    await prod.release(3);
    const { result, calls } = await rollBack(prod, 'v1', 'backup-3');
    expect(result.failure).toMatchObject({
      what: 'backup-3 is not the backup of the database as v1 left it',
      why: 'that one is backup-2',
    });
    expect(calls).toEqual([]);
    expect((await rollBack(prod, 'v1', 'backup-2')).result.state).toBe('succeeded');
    expect(prod.world().database).toBe('backup-2');
  });

  it('not where there is no restore, or no backup', async () => {
    const without = await givenTwo({ database: { ...DATABASE, restore: null } });
    expect((await rollBack(without, 'v1', 'backup-2')).result.failure?.what).toMatch(
      /the pipeline file of v2 says nowhere how its database is restored/,
    );
    const steps = [...BEFORE_IT_SERVES.filter((step) => step !== 'backup'), 'settle'];
    const bare = await givenTwo({ steps });
    expect((await rollBack(bare, 'v1', 'backup-2')).result.failure?.what).toBe(
      'no backup is known of the database as v1 left it',
    );
  });

  it('touches nothing when the backup cannot be read again', async () => {
    const prod = await givenTwo();
    const { hosts, database } = prod.world();
    prod.break('readBackup', 'refuse');
    const { result, calls } = await rollBack(prod, 'v1', 'backup-2');
    expect(touchedNothing(result)).toBe(true);
    expect(calls).not.toContain('stopWriters');
    const { hosts: after, database: left } = prod.world();
    expect([Object.values(after).map(({ slots }) => slots), left]).toEqual([
      Object.values(hosts).map(({ slots }) => slots),
      database,
    ]);
  });

  it('only where the backup was made: with that host left out nothing is touched, and it is named', async () => {
    const prod = await givenTwo({ rollout: { batch: 1, maxFailures: 1, failedHost: 'quarantine' } });
    const lies = { name: 'backup-2', host: 'web-1' };
    expect((await prod.status()).live?.backup).toMatchObject(lies);
    prod.break('preflight', 'unreachable', { host: 'web-1', times: -1 });
    const { result, calls } = await rollBack(prod, 'v1', 'backup-2');
    expect(result.failure).toMatchObject({
      what: 'backup backup-2 was made on web-1, which stays out of this rollback',
      wayOut: expect.stringContaining(`slipway retry ${prod.plan.name} --host web-1`) as string,
    });
    expect(touchedNothing(result)).toBe(true);
    expect(calls).not.toContain('stopWriters');
    expect([prod.serving(), prod.world().database]).toEqual(['v2', 'v2']);
  });

  it('also where another host stays out of it', async () => {
    const prod = await givenTwo({ rollout: { batch: 1, maxFailures: 1, failedHost: 'quarantine' } });
    prod.break('preflight', 'unreachable', { host: 'web-2', times: -1 });
    const { result } = await rollBack(prod, 'v1', 'backup-2');
    expect(result).toMatchObject({ state: 'succeeded' });
    expect(result.headline).toContain('without web-2');
    expect(result.headline).toContain('restored from backup-2 on web-1');
    expect(prod.world().database).toBe('backup-2');
  });

  it('that fails in the middle waits for a person, and begins anew by retry', async () => {
    const prod = await givenTwo();
    prod.break('restoreDatabase', 'refuse');
    const requestId = await prod.rollback('v1', undefined, 'backup-2');
    const shown = await waitsFor(lane(prod), 'a person: restore failed');
    expect(shown.steps).toContainEqual(expect.objectContaining({ name: 'restore', state: 'failed' }));
    expect(shown.report).toContain('slipway retry');
    expect(shown.report).not.toContain('slipway abort');
    expect(shown.stopped).toBe('v2 stopped');
    expect(shown.report).toContain('v2 stopped');
    expect((await decideOn(lane(prod), 'abort')).accepted).toBe(false);
    await decideOn(lane(prod), 'retryStep');
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded', clean: true });
    expect([prod.serving(), prod.world().database]).toEqual(['v1', 'backup-2']);
  });

  it('is not taken back when what comes after it fails: that waits for a person too', async () => {
    const prod = await givenTwo();
    prod.break('verify', 'say-no');
    const requestId = await prod.rollback('v1', undefined, 'backup-2');
    await waitsFor(lane(prod), 'a person: verify failed');
    expect(prod.world().calls).not.toContain('undoDeploy');
    await decideOn(lane(prod), 'retryStep');
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded' });
  });

  it('is not stopped by a cancellation once it has begun', async () => {
    const prod = await givenTwo();
    const held = prod.hold('restoreDatabase');
    const requestId = await prod.rollback('v1', undefined, 'backup-2');
    await held.arrived();
    expect((await decideOn(lane(prod), 'abort')).refused).toMatch(/^there is no way back once the database/);
    await lane(prod).cancel();
    held.release();
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded', clean: true });
    expect([prod.serving(), prod.world().database]).toEqual(['v1', 'backup-2']);
  });

  it('of a change that was ended from outside is left to a person, who restores again', async () => {
    const prod = await givenTwo();
    const held = prod.hold('restoreDatabase');
    const requestId = await prod.rollback('v1', undefined, 'backup-2');
    await held.arrived();
    const since = prod.world().calls.length;
    await prod.terminateLane();
    held.release();
    const result = await prod.ended(requestId);
    expect(result).toMatchObject({ state: 'failed', clean: false });
    expect(callsOf(prod, since)).toEqual(['claim', 'takeOver']);
    expect((await prod.status()).needsPerson).toContain('being restored from backup-2');
    expect((await rollBack(prod, 'v1', 'backup-2')).result).toMatchObject({ state: 'succeeded' });
    const after = await prod.status();
    expect(after).toMatchObject({ needsPerson: null, live: { version: 'v1' } });
    expect(after.personsWayOut).toBeUndefined();
  });

  it.each(['v1', 'v2'])('or mends it by hand and starts %s; to resume starts nothing', async (version) => {
    const prod = await givenTwo();
    prod.break('restoreDatabase', 'refuse', { times: -1 });
    const requestId = await prod.rollback('v1', undefined, 'backup-2');
    await waitsFor(lane(prod), 'a person: restore failed');
    await prod.terminateLane();
    const result = await prod.ended(requestId);
    const { name } = prod.plan;
    const said = await prod.status();
    expect(said.personsWayOut).toBe(result.failure?.wayOut);
    for (const command of ['v1 --restore-database', 'v1', 'v2'])
      expect(said.personsWayOut).toContain(`slipway rollback ${name} ${command}`);
    expect(said.personsWayOut).toContain(`slipway resume ${name} starts nothing`);
    expect(prod.serving()).toBe('nothing');
    // what is there is that release's by then
    prod.mendDatabase(version);
    const started = await prod.ended(await prod.rollback(version));
    expect(started).toMatchObject({ state: 'succeeded', clean: true });
    expect([prod.serving(), prod.world().database]).toEqual([version, version]);
    expect(await prod.status()).toMatchObject({ needsPerson: null, live: { version } });
  });

  it('and a person who only says to have looked gets nothing started', async () => {
    const prod = await givenTwo();
    prod.break('restoreDatabase', 'refuse', { times: -1 });
    const requestId = await prod.rollback('v1', undefined, 'backup-2');
    await waitsFor(lane(prod), 'a person: restore failed');
    await prod.terminateLane();
    await prod.ended(requestId);
    expect(await prod.decide('resume')).toMatchObject({ accepted: true });
    const after = await prod.status();
    expect([after.needsPerson, after.personsWayOut, prod.serving()]).toEqual([null, undefined, 'nothing']);
  });
});
