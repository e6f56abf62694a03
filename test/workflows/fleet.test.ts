/** Several hosts: each by an activity of its own, a batch at a time; what fails goes back, or stands apart. */
import { describe, expect, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { OnHosts, VerifyInput } from '../../workflows/activity-contract.js';
import type { ProgressStatus } from '../../workflows/messages.js';
import { QUERY } from '../../workflows/names.js';
import { activityInputs } from '../support/activity-inputs.js';
import {
  changeOf,
  decideOn,
  givenScene,
  runChange,
  runsEverywhere,
  startChange,
  waitsFor,
  type Scene,
} from '../support/change-scene.js';
import { givenHosts, givenPlan, givenPlanInPlace, givenRecord } from '../support/given.js';
import { useHarness } from '../support/use-harness.js';

const harness = useHarness();

function givenFleet(count: number, rollout: Partial<EnvironmentPlan['rollout']> = {}): EnvironmentPlan {
  const whole = { batch: 2, maxFailures: 0, failedHost: 'undo' as const, ...rollout };
  return givenPlanInPlace({ hosts: givenHosts(count), rollout: whole, bake: null, tags: [] });
}

function runsOn(scene: Scene): Record<string, string | null> {
  const hosts = Object.entries(scene.now()?.hosts ?? {});
  return Object.fromEntries(hosts.map(([host, { slots }]) => [host, slots.live?.replace(/@.*/, '') ?? null]));
}

async function hostsOfCalls(
  handle: Parameters<typeof activityInputs>[0],
  activity: string,
): Promise<unknown[]> {
  return (await activityInputs(handle, activity)).map((input) => (input as OnHosts).host);
}

describe('a fleet', () => {
  it('comes to its hosts one by one, and no input has more than its host', async () => {
    const scene = givenScene(harness, givenFleet(5));
    const handle = await startChange(harness, changeOf(scene));
    expect(await handle.result()).toMatchObject({ state: 'succeeded', clean: true });
    expect(await hostsOfCalls(handle, 'deploy')).toEqual(['web-1', 'web-2', 'web-3', 'web-4', 'web-5']);
    expect(await activityInputs(handle, 'deploy')).toContainEqual({
      host: 'web-3',
      prior: [expect.objectContaining({ host: 'web-3' })],
    });
    expect(runsEverywhere(scene, 'live', 'v2')).toBe(true);
  });

  it('begins no batch before the one before it has ended', async () => {
    const scene = givenScene(harness, givenFleet(5));
    scene.break('deploy', 'hang-before', { host: 'web-2' });
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('deploy');
    const status = await waitsUntilDeployed(scene, 'web-1');
    expect(status).toMatchObject({ 'web-1': 'v2', 'web-2': 'v1', 'web-3': 'v1' });
    scene.release('deploy');
    await handle.result();
  });

  it('goes back as a whole when one host refuses, and says which and why', async () => {
    const scene = givenScene(harness, givenFleet(5));
    const before = scene.visible();
    scene.break('deploy', 'refuse', { host: 'web-3' });
    const handle = await startChange(harness, changeOf(scene));
    const result = await handle.result();
    expect(result).toMatchObject({
      state: 'failed',
      clean: true,
      failure: { what: 'web-3: deploy was refused' },
      unwind: [{ step: 'deploy', outcome: 'undone', note: '3 of 4 hosts as before' }],
    });
    expect(scene.visible()).toEqual(before);
    // web-5 was in a batch that never began
    expect(await hostsOfCalls(handle, 'undoDeploy')).toEqual(['web-1', 'web-2', 'web-3', 'web-4']);
  });

  it('leaves as many out as it may: stopped, where the plan says quarantine', async () => {
    const scene = givenScene(harness, givenFleet(5, { maxFailures: 1, failedHost: 'quarantine' }));
    scene.break('deploy', 'refuse-after', { host: 'web-3' });
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({
      state: 'succeeded',
      clean: true,
      apart: [{ host: 'web-3', state: 'quarantined', why: 'deploy was refused' }],
    });
    expect(result.headline).toContain('without web-3 (quarantined)');
    expect(runsOn(scene)).toEqual({
      'web-1': 'v2',
      'web-2': 'v2',
      'web-3': null,
      'web-4': 'v2',
      'web-5': 'v2',
    });
  });

  it('leaves as many out as it may: put back, where it says undo', async () => {
    const scene = givenScene(harness, givenFleet(3, { maxFailures: 1 }));
    scene.break('deploy', 'refuse-after', { host: 'web-3' });
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({ state: 'succeeded', apart: [{ host: 'web-3', state: 'before' }] });
    expect(result.headline).toContain('without web-3 (keeps the release before)');
    expect(runsOn(scene)).toEqual({ 'web-1': 'v2', 'web-2': 'v2', 'web-3': 'v1' });
  });

  it('goes back once more fail than may, and who stood apart is left to its environment', async () => {
    const scene = givenScene(harness, givenFleet(5, { maxFailures: 1, failedHost: 'quarantine' }));
    scene.break('deploy', 'refuse', { host: 'web-1' });
    scene.break('deploy', 'refuse', { host: 'web-4' });
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({
      state: 'failed',
      failure: { what: 'web-4: deploy was refused' },
      apart: [{ host: 'web-1', state: 'quarantined' }],
    });
    expect(runsOn(scene)).toEqual({
      'web-1': null,
      'web-2': 'v1',
      'web-3': 'v1',
      'web-4': 'v1',
      'web-5': 'v1',
    });
  });

  it('is quarantined where it can be neither put back nor stopped, and says so', async () => {
    const scene = givenScene(harness, givenFleet(3, { maxFailures: 1 }));
    scene.break('deploy', 'refuse', { host: 'web-2' });
    scene.break('undoDeploy', 'foreign', { host: 'web-2' });
    const { apart } = await runChange(harness, changeOf(scene));
    expect(apart).toMatchObject([
      {
        host: 'web-2',
        state: 'quarantined',
        why: 'deploy was refused: log line; and it could not be put back: somebody else changed it',
      },
    ]);
  });

  it('never leaves out all that are left', async () => {
    const scene = givenScene(harness, givenFleet(2, { maxFailures: 2, failedHost: 'quarantine' }));
    const before = scene.visible();
    scene.break('deploy', 'refuse', { host: 'web-1' });
    scene.break('deploy', 'refuse', { host: 'web-2' });
    const result = await runChange(harness, changeOf(scene));
    expect(result.state).toBe('failed');
    expect(scene.visible()).toEqual(before);
  });
});

describe('checks of each host', () => {
  const checksOn = (count: number): EnvironmentPlan['checks'] => {
    const [check] = givenPlan().checks;
    if (check === undefined) throw new Error('the given plan has no check');
    return [check, ...givenHosts(count).map(({ name }) => ({ ...check, name: `up on ${name}`, host: name }))];
  };
  const withChecks = (rollout: Partial<EnvironmentPlan['rollout']> = {}): EnvironmentPlan => ({
    ...givenFleet(5, rollout),
    checks: checksOn(5),
  });
  const verified = async (handle: Parameters<typeof activityInputs>[0]): Promise<string[][]> =>
    (await activityInputs(handle, 'verify')).map((input) =>
      (input as VerifyInput).checks.map(({ name }) => name),
    );

  it('pass on a batch before the next one begins, and all of them at the end', async () => {
    const scene = givenScene(harness, withChecks());
    scene.break('verify', 'hang-before', { host: 'web-2' });
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('verify');
    expect(runsOn(scene)).toMatchObject({ 'web-2': 'v2', 'web-3': 'v1' });
    scene.release('verify');
    expect(await handle.result()).toMatchObject({ state: 'succeeded', clean: true });
    expect(await verified(handle)).toEqual([
      ['up on web-1', 'up on web-2'],
      ['up on web-3', 'up on web-4'],
      ['up on web-5'],
      ['health', 'up on web-1', 'up on web-2', 'up on web-3', 'up on web-4', 'up on web-5'],
    ]);
    expect(await activityInputs(handle, 'verify')).toMatchObject([
      { target: { plan: { hosts: [{ name: 'web-1' }, { name: 'web-2' }] } } },
      {},
      {},
      {},
    ]);
  });

  it('that say no take the release back, and later batches never begin', async () => {
    const scene = givenScene(harness, withChecks());
    const before = scene.visible();
    scene.break('verify', 'say-no', { host: 'web-3' });
    const handle = await startChange(harness, changeOf(scene));
    expect(await handle.result()).toMatchObject({
      state: 'failed',
      clean: true,
      failure: { what: 'web-3: up on web-3: /health answered 500', why: 'KeyError: region' },
    });
    expect(scene.visible()).toEqual(before);
    expect(await hostsOfCalls(handle, 'undoDeploy')).toEqual(['web-1', 'web-2', 'web-3', 'web-4']);
  });

  it('that say no put the host in quarantine where it may be, and nobody asks about it any more', async () => {
    const scene = givenScene(harness, withChecks({ maxFailures: 1, failedHost: 'quarantine' }));
    scene.break('verify', 'say-no', { host: 'web-3' });
    const handle = await startChange(harness, changeOf(scene));
    expect(await handle.result()).toMatchObject({
      state: 'succeeded',
      apart: [
        { host: 'web-3', state: 'quarantined', why: 'up on web-3: /health answered 500: KeyError: region' },
      ],
    });
    expect(runsOn(scene)).toMatchObject({ 'web-2': 'v2', 'web-3': null, 'web-4': 'v2' });
    expect((await verified(handle)).slice(1)).toEqual([
      ['up on web-3', 'up on web-4'],
      ['up on web-4'],
      ['up on web-5'],
      ['health', 'up on web-1', 'up on web-2', 'up on web-4', 'up on web-5'],
    ]);
  });

  it('are made between the batches where a command runs on the hosts as well', async () => {
    const [check] = checksOn(0);
    const common = { retries: 0, intervalMs: 10, startPeriodMs: 0, timeoutMs: 1000 };
    const smoke = { ...common, name: 'smoke', kind: 'run' as const, command: './smoke', on: 'host' as const };
    const plan = { ...givenFleet(3), checks: check === undefined ? [smoke] : [check, smoke] };
    const handle = await startChange(harness, changeOf(givenScene(harness, plan)));
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
    expect(await verified(handle)).toEqual([['smoke'], ['smoke'], ['health', 'smoke']]);
  });
});

describe('what preflight warns of', () => {
  it('is told with its step, on the page and in the result', async () => {
    const scene = givenScene(harness, givenFleet(2));
    scene.break('preflight', 'warn', { times: -1 });
    scene.break('deploy', 'hang-before');
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('deploy');
    const { report } = await handle.query<ProgressStatus>(QUERY.status);
    expect(report).toContain('   warns   web-1: the disk is 91 % full; remove old images\n');
    scene.release('deploy');
    const { steps } = await handle.result();
    expect(steps[0]).toMatchObject({
      ...{ name: 'preflight', state: 'succeeded', note: '1 warning' },
      warnings: ['web-1: the disk is 91 % full; remove old images'],
    });
  });
});

describe('half of the hosts down at the start', () => {
  it('waits for a person, names them, and has touched nothing', async () => {
    const scene = givenScene(harness, givenFleet(4));
    const before = scene.visible();
    for (const host of ['web-2', 'web-4']) scene.break('preflight', 'unreachable', { host, times: -1 });
    const handle = await startChange(harness, changeOf(scene));
    const status = await waitsFor(handle, 'preflight could not be made');
    expect(status.failure?.what).toBe(
      'web-2: cannot be reached: no route to host; web-4: cannot be reached: no route to host',
    );
    expect(await decideOn(handle, 'skipHost', { host: 'web-2' })).toMatchObject({ accepted: true });
    await waitsFor(handle, 'preflight could not be made');
    await decideOn(handle, 'abort');
    expect(await handle.result()).toMatchObject({ state: 'aborted', clean: true });
    expect(scene.visible()).toEqual(before);
  });

  it('says of a host that was left out already that it was', async () => {
    const scene = givenScene(harness, givenFleet(3));
    for (const host of ['web-2', 'web-3']) scene.break('preflight', 'unreachable', { host, times: -1 });
    const handle = await startChange(harness, changeOf(scene));
    await waitsFor(handle, 'preflight could not be made');
    expect(await decideOn(handle, 'skipHost', { host: 'web-2' })).toMatchObject({ accepted: true });
    expect((await decideOn(handle, 'skipHost', { host: 'web-2' })).refused).toMatch(
      /^web-2 is left out of this change already, which goes on with web-1, web-3; slipway watch /,
    );
    await waitsFor(handle, 'preflight could not be made');
    await decideOn(handle, 'abort');
    expect(await handle.result()).toMatchObject({ state: 'aborted' });
  });

  it('goes on without them where the plan lets it', async () => {
    const scene = givenScene(harness, givenFleet(4, { maxFailures: 2, failedHost: 'quarantine' }));
    for (const host of ['web-2', 'web-4']) scene.break('preflight', 'unreachable', { host, times: -1 });
    const handle = await startChange(harness, changeOf(scene));
    const result = await handle.result();
    expect(result).toMatchObject({
      state: 'succeeded',
      apart: [{ host: 'web-2' }, { host: 'web-4', why: 'cannot be reached: no route to host' }],
    });
    expect(await hostsOfCalls(handle, 'deploy')).toEqual(['web-1', 'web-3']);
    // there is nothing to stop on a host that nobody reaches
    expect(await hostsOfCalls(handle, 'stopHost')).toEqual([]);
  });
});

describe('a host that is readmitted', () => {
  it('gets what is live, and nothing else is touched', async () => {
    const plan = givenFleet(3, { maxFailures: 1, failedHost: 'quarantine' });
    const scene = givenScene(harness, plan);
    harness.world.update((state) => {
      const host = state.environments[scene.key]?.hosts['web-2'];
      if (host !== undefined) host.slots.live = null;
    });
    const input = changeOf(scene, 'v1', 'readmit');
    const handle = await startChange(harness, { ...input, request: { ...input.request, hosts: ['web-2'] } });
    expect(await handle.result()).toMatchObject({
      state: 'succeeded',
      live: { version: 'v1', token: 1 },
      headline: expect.stringContaining('web-2 of'),
    });
    expect(await hostsOfCalls(handle, 'deploy')).toEqual(['web-2']);
    expect(runsEverywhere(scene, 'live', 'v1')).toBe(true);
  });

  it('is not skipped, and what is said of the others is true', async () => {
    const scene = givenScene(harness, givenFleet(3));
    scene.break('deploy', 'hang-before', { host: 'web-2' });
    const input = changeOf(scene, 'v1', 'readmit');
    const handle = await startChange(harness, { ...input, request: { ...input.request, hosts: ['web-2'] } });
    await scene.arrived('deploy');
    const skip = async (host: string | null) => (await decideOn(handle, 'skipHost', { host })).refused;
    const { name } = scene.plan;
    for (const host of ['web-2', null])
      expect(await skip(host)).toBe(
        `web-2 is being tried again now, and what cannot be put back stays apart; slipway watch ${name}`,
      );
    expect(await skip('web-1')).toBe(
      `only web-2 is being tried again now, web-1 is not; slipway status ${name}`,
    );
    expect(await skip('web-9')).toBe(`${name} has no host web-9; hosts: web-1, web-2, web-3`);
    scene.release('deploy');
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
  });

  it('that still cannot be reached holds nothing up', async () => {
    const scene = givenScene(harness, givenFleet(3));
    scene.break('preflight', 'unreachable', { host: 'web-2', times: -1 });
    const input = changeOf(scene, 'v1', 'readmit');
    const request = { ...input.request, hosts: ['web-2'] };
    expect(await runChange(harness, { ...input, request })).toMatchObject({
      state: 'failed',
      clean: true,
      failure: { what: 'web-2: cannot be reached: no route to host' },
    });
  });
});

describe('a recovery', () => {
  it('leaves out hosts in quarantine, and goes back on the others', async () => {
    const plan = givenFleet(3, { maxFailures: 1, failedHost: 'quarantine' });
    const scene = givenScene(harness, plan);
    const dead = changeOf(scene, 'v2').request;
    const cutover = {
      token: 2,
      requestId: dead.requestId,
      previous: scene.live,
      target: givenRecord(plan, 'v2', null, 2),
      prior: [{ host: 'web-1', hostId: 'id-of-web-1', platform: null }],
      switching: false,
    };
    const input = changeOf(scene, 'v2', 'recover', {
      token: 3,
      quarantined: ['web-2'],
      recovering: { token: 2, cutover, request: dead },
    });
    const handle = await startChange(harness, input);
    expect(await handle.result()).toMatchObject({ state: 'failed', clean: true, live: { version: 'v1' } });
    const left = { target: { plan: { hosts: [{ name: 'web-1' }, { name: 'web-3' }] } } };
    for (const activity of ['claim', 'takeOver', 'deploy'])
      expect(await activityInputs(handle, activity), activity).toMatchObject([left]);
    const [{ target } = {}] = (await activityInputs(handle, 'deploy')) as OnHosts[];
    expect(target?.whole?.hosts).toHaveLength(3);
  });
});

describe('200 hosts', () => {
  it.each([
    ['live everywhere', null],
    ['undone on all of them', 'web-200'],
  ])('%s: under 4,000 events and 4 MB of history', async (_, refuses) => {
    const base = givenFleet(200, { batch: 20 });
    const scene = givenScene(harness, base);
    if (refuses !== null) scene.break('deploy', 'refuse', { host: refuses });
    const handle = await startChange(harness, changeOf(scene));
    const result = await handle.result();
    expect(result.state).toBe(refuses === null ? 'succeeded' : 'failed');
    expect(runsEverywhere(scene, 'live', refuses === null ? 'v2' : 'v1')).toBe(true);
    const { historyLength, historySize } = await handle.describe();
    expect(historyLength).toBeLessThan(4000);
    expect(historySize).toBeLessThan(4 * 1024 * 1024);
    process.stderr.write(`200 hosts: ${historyLength} events, ${historySize} bytes\n`);
  });
});

describe('a switch of colours', () => {
  it('comes after every host has the new one', async () => {
    const scene = givenScene(harness, givenPlan({ hosts: givenHosts(3), bake: null }));
    expect(await runChange(harness, changeOf(scene))).toMatchObject({ state: 'succeeded' });
    expect(scene.now()?.calls.filter((call) => call.startsWith('deploy'))).toHaveLength(3);
    expect(runsEverywhere(scene, 'green', 'v2')).toBe(true);
  });
});

async function waitsUntilDeployed(scene: Scene, host: string): Promise<Record<string, string | null>> {
  await expect.poll(() => runsOn(scene)[host]).toBe('v2');
  return runsOn(scene);
}
