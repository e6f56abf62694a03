/** Several hosts with a proxy on each: traffic moves a batch at a time, each proxy goes back to what it led to. */
import { describe, expect, it } from 'vitest';
import type { Colour, EnvironmentPlan } from '../../../pipeline/plan.js';
import type { SwitchInput } from '../../../workflows/activity-contract.js';
import { activityInputs } from '../../support/activity-inputs.js';
import {
  changeOf,
  decideOn,
  givenScene,
  runChange,
  startChange,
  type Scene,
} from '../../support/change-scene.js';
import { EnvironmentScene, givenVersion } from '../../support/environment-scene.js';
import { environmentIn, environmentKey, mend, type FakeHost } from '../../support/fake-world.js';
import { givenHosts, givenPlanWithProxies, givenTraffic } from '../../support/given.js';
import { useHarness } from '../../support/use-harness.js';

const harness = useHarness();

function givenFleet(
  count: number,
  {
    rollout = {},
    ...overrides
  }: Omit<Partial<EnvironmentPlan>, 'rollout'> & {
    rollout?: Partial<EnvironmentPlan['rollout']>;
  } = {},
): EnvironmentPlan {
  return givenPlanWithProxies({
    hosts: givenHosts(count),
    rollout: { batch: 2, maxFailures: 0, failedHost: 'undo', ...rollout },
    bake: null,
    tags: [],
    ...overrides,
  });
}

const all = (count: number, colour: string | null): Record<string, string | null> =>
  Object.fromEntries(givenHosts(count).map(({ name }) => [name, colour]));

/** What one of the hosts is like before the change. */
function givenHost(
  { key }: Pick<Scene, 'key'>,
  name: string,
  {
    leadsTo,
    runs = {},
    isSick = false,
  }: { leadsTo?: Colour; runs?: Partial<FakeHost['slots']>; isSick?: boolean },
): void {
  harness.world.update(({ environments }) => {
    const environment = environments[key];
    const host = environment?.hosts[name];
    if (environment?.proxies === undefined || host === undefined) throw new Error('no such host');
    if (leadsTo !== undefined) environment.proxies[name] = leadsTo;
    if (isSick) environment.sick = [name];
    Object.assign(host.slots, runs);
  });
}

const served = (scene: Pick<Scene, 'now'>): unknown => scene.now()?.proxies;

async function switches(handle: Parameters<typeof activityInputs>[0]): Promise<SwitchInput[]> {
  return (await activityInputs(handle, 'switchTraffic')) as SwitchInput[];
}

describe('a proxy on each host', () => {
  it('is switched by an activity of its own, whose input has no more than the host', async () => {
    const scene = givenScene(harness, givenFleet(3));
    const handle = await startChange(harness, changeOf(scene));
    expect(await handle.result()).toMatchObject({ state: 'succeeded', clean: true, switchMs: 7 });
    expect(await switches(handle)).toEqual(
      ['web-1', 'web-2', 'web-3'].map((host) => ({ host, to: 'green', from: 'blue', requireHealthy: true })),
    );
    expect(served(scene)).toEqual(all(3, 'green'));
  });

  it('waits for the batch before', async () => {
    const scene = givenScene(harness, givenFleet(4));
    scene.break('switchTraffic', 'hang-before', { host: 'web-2' });
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('switchTraffic');
    await expect.poll(() => served(scene)).toEqual({ ...all(4, 'blue'), 'web-1': 'green' });
    scene.release('switchTraffic');
    await handle.result();
    expect(served(scene)).toEqual(all(4, 'green'));
  });

  it('goes over in shares, each on all hosts before the next', async () => {
    const bake = { forMs: 1_000, intervalMs: 100, failures: 3, checks: [] };
    const traffic = givenTraffic({ weights: [25, 100], stepMs: 1_000 });
    const scene = givenScene(harness, givenFleet(2, { bake, traffic }));
    const handle = await startChange(harness, changeOf(scene));
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
    const moves = (await switches(handle)).map(({ host, share }) => [host, share]);
    expect(moves).toEqual([
      ['web-1', 25],
      ['web-2', 25],
      ['web-1', undefined],
      ['web-2', undefined],
    ]);
  });

  it('gives a share only to hosts that serve what is live, and well', async () => {
    const bake = { forMs: 1_000, intervalMs: 100, failures: 3, checks: [] };
    const traffic = givenTraffic({ weights: [25, 100], stepMs: 1_000 });
    const scene = givenScene(harness, givenFleet(4, { bake, traffic }));
    // one that stood apart has the release before the last in that colour, one was stopped, one answers errors only
    givenHost(scene, 'web-2', { leadsTo: 'green', runs: { green: 'v0@sha256:v0' } });
    givenHost(scene, 'web-3', { runs: { blue: null } });
    givenHost(scene, 'web-4', { isSick: true });
    const handle = await startChange(harness, changeOf(scene));
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
    const moves = (await switches(handle)).map(({ host, share }) => [host, share]);
    expect(moves).toEqual([
      ['web-1', 25],
      ...['web-1', 'web-2', 'web-3', 'web-4'].map((host) => [host, undefined]),
    ]);
  });

  it('goes back with all the others when one cannot be switched, at once and as one activity', async () => {
    const scene = givenScene(harness, givenFleet(4));
    const before = scene.visible();
    scene.break('switchTraffic', 'refuse', { host: 'web-3' });
    const handle = await startChange(harness, changeOf(scene));
    expect(await handle.result()).toMatchObject({
      state: 'failed',
      clean: true,
      failure: { what: 'web-3: switchTraffic was refused' },
    });
    expect(scene.visible()).toEqual(before);
    const back = (await switches(handle)).at(-1);
    expect(back).toMatchObject({ to: 'blue', from: 'green', requireHealthy: false });
    expect(back?.target?.plan.hosts).toHaveLength(4);
  });

  it('leaves one out that may fail: it goes back to the release before and keeps it', async () => {
    const scene = givenScene(harness, givenFleet(3, { rollout: { maxFailures: 1 } }));
    scene.break('switchTraffic', 'refuse-after', { host: 'web-2' });
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({ state: 'succeeded', apart: [{ host: 'web-2', state: 'before' }] });
    expect(served(scene)).toEqual({ ...all(3, 'green'), 'web-2': 'blue' });
    expect(scene.now()?.hosts['web-2']?.slots).toMatchObject({ green: null });
  });

  it('stops both colours of a host in quarantine: its proxy would send users to the old one', async () => {
    const rollout = { maxFailures: 1, failedHost: 'quarantine' as const };
    const scene = givenScene(harness, givenFleet(3, { rollout }));
    scene.break('switchTraffic', 'refuse', { host: 'web-2' });
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({ state: 'succeeded', apart: [{ host: 'web-2', state: 'quarantined' }] });
    expect(scene.now()?.hosts['web-2']?.slots).toEqual({ live: null, blue: null, green: null });
    expect(served(scene)).toMatchObject({ 'web-1': 'green', 'web-3': 'green' });
  });

  it('stops a host wholly although a person stops the release meanwhile: it stands apart', async () => {
    const rollout = { maxFailures: 1, failedHost: 'quarantine' as const };
    const scene = givenScene(harness, givenFleet(3, { rollout }));
    scene.break('deploy', 'refuse', { host: 'web-2' });
    scene.break('stopHost', 'hang-after');
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('stopHost');
    await decideOn(handle, 'abort');
    const { events } = await handle.fetchHistory();
    expect(events?.filter((event) => event.activityTaskCancelRequestedEventAttributes != null)).toEqual([]);
    scene.release('stopHost');
    expect(await handle.result()).toMatchObject({
      state: 'aborted',
      clean: true,
      apart: [{ host: 'web-2', state: 'quarantined' }],
    });
    expect(served(scene)).toEqual(all(3, 'blue'));
    expect(scene.now()?.hosts['web-1']?.slots).toMatchObject({ green: null });
  });

  it('leaves a host that had stood apart in the colour it served, when everything goes back', async () => {
    // web-2 still has the release before the last, in the colour that this one is deployed to
    const scene = givenScene(harness, givenFleet(3));
    givenHost(scene, 'web-2', { leadsTo: 'green', runs: { blue: null, green: 'v0@sha256:v0' } });
    const before = scene.visible();
    scene.break('switchTraffic', 'refuse', { host: 'web-3' });
    const result = await runChange(harness, changeOf(scene));
    expect(result).toMatchObject({ state: 'failed', clean: true });
    expect(scene.visible()).toEqual(before);
  });

  it('goes back by a word in the bake, all at once', async () => {
    const scene = givenScene(
      harness,
      givenFleet(3, { bake: { forMs: 60_000, intervalMs: 100, failures: 3, checks: [] } }),
    );
    scene.break('bake', 'hang-before');
    const before = scene.visible();
    const handle = await startChange(harness, changeOf(scene));
    await scene.arrived('bake');
    expect(served(scene)).toEqual(all(3, 'green'));
    await decideOn(handle, 'back');
    expect(await handle.result()).toMatchObject({ state: 'rolled-back', clean: true, backMs: 7 });
    expect(scene.visible()).toEqual(before);
  });

  it('is rolled back to a colour that is warm on all hosts together', async () => {
    const scene = givenScene(harness, givenFleet(3), { live: 'v2', warm: 'v1' });
    const handle = await startChange(harness, changeOf(scene, 'v1', 'rollback'));
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
    expect((await switches(handle)).map(({ host }) => host)).toEqual(['web-1', 'web-2', 'web-3']);
    expect(await activityInputs(handle, 'deploy')).toEqual([]);
    expect(served(scene)).toEqual(all(3, 'green'));
  });

  it('is stopped where it does not come back to the warm colour with the others', async () => {
    const rollout = { maxFailures: 1, failedHost: 'quarantine' as const };
    const scene = givenScene(harness, givenFleet(3, { rollout }), { live: 'v2', warm: 'v1' });
    scene.break('switchTraffic', 'refuse', { host: 'web-2' });
    const result = await runChange(harness, changeOf(scene, 'v1', 'rollback'));
    expect(result).toMatchObject({ state: 'succeeded', apart: [{ host: 'web-2', state: 'quarantined' }] });
    expect(scene.now()?.hosts['web-2']?.slots).toEqual({ live: null, blue: null, green: null });
  });

  it('is retired where nobody has it: a host that stands apart keeps what it serves', async () => {
    const scene = givenScene(harness, givenFleet(2), { live: 'v2', warm: 'v1' });
    givenHost(scene, 'web-2', { leadsTo: 'green' });
    await runChange(harness, changeOf(scene, 'v2', 'retire'));
    expect(scene.now()?.hosts['web-1']?.slots.green).toBeNull();
    expect(scene.now()?.hosts['web-2']?.slots.green).toMatch(/^v1@/);
  });
});

describe('an environment with a proxy on each host', () => {
  /** v2 is live, and the proxy of web-2 did not take it. */
  async function givenOneBehind(
    rollout: Partial<EnvironmentPlan['rollout']>,
    times = 1,
  ): Promise<EnvironmentScene> {
    const environment = new EnvironmentScene(harness, givenFleet(3, { rollout }));
    await environment.release(1);
    environment.break('switchTraffic', 'refuse', { host: 'web-2', times });
    expect(await environment.release(2)).toMatchObject({ apart: [{ host: 'web-2' }] });
    return environment;
  }

  const TOGETHER = { proxies: all(3, 'green'), green: expect.stringMatching(/^v2@/) };

  /** Once nobody stands apart: where the proxies lead, and what web-2 has in green. */
  async function untilTogether(environment: EnvironmentScene) {
    await environment.until(
      'nobody stands apart',
      ({ apart = [], inFlight }) => apart.length === 0 && inFlight === null,
    );
    const { proxies, hosts } = environment.world();
    return { proxies, green: hosts['web-2']?.slots.green };
  }

  const QUARANTINE = { maxFailures: 1, failedHost: 'quarantine' as const };

  it('takes a host of a quarantine back with its traffic', async () => {
    const environment = await givenOneBehind(QUARANTINE);
    await environment.decide('retryStep');
    expect(await untilTogether(environment)).toEqual(TOGETHER);
  });

  it('deploys again for a rollback while a host has another release than the others', async () => {
    const environment = await givenOneBehind({ maxFailures: 1 });
    expect(await environment.status()).toMatchObject({ apart: [{ host: 'web-2', state: 'before' }] });
    expect(await environment.ended(await environment.rollback())).toMatchObject({ state: 'succeeded' });
    const now = environment.world();
    expect(now.proxies).toEqual(all(3, 'blue'));
    expect(Object.values(now.hosts).every(({ slots }) => slots.blue?.startsWith('v1@'))).toBe(true);
    expect(now.calls.filter((call) => call === 'deploy blue')).toHaveLength(6);
  });

  it('deploys again for a rollback once they are all the same, if one does not have what is warm', async () => {
    const environment = await givenOneBehind({ maxFailures: 1 });
    expect((await environment.release(3)).apart).toBeUndefined();
    // web-2 never had v2
    expect(await environment.ended(await environment.rollback())).toMatchObject({ state: 'succeeded' });
    const now = environment.world();
    expect(now.proxies).toEqual(all(3, 'green'));
    expect(Object.values(now.hosts).map(({ slots }) => slots.green?.slice(0, 3))).toEqual(
      Array.from({ length: 3 }, () => 'v2@'),
    );
  });

  it('holds up nobody for a host that is tried again and takes it neither there nor back', async () => {
    const environment = await givenOneBehind(QUARANTINE, -1);
    await environment.decide('retryStep');
    await environment.until(
      'it was tried',
      ({ apart = [], inFlight }) => inFlight === null && apart[0]?.tries === 1,
    );
    expect(await environment.status()).toMatchObject({
      needsPerson: null,
      live: { version: 'v2' },
      apart: [{ host: 'web-2', state: 'quarantined', why: 'switchTraffic was refused' }],
    });
  });

  /** Of a release that was terminated while it baked. */
  async function terminated(environment: EnvironmentScene, number: number): Promise<void> {
    const { plan } = environment;
    const key = environmentKey(plan.pipeline, plan.name);
    environment.break('bake', 'hang-before');
    const bake = { forMs: 60_000, intervalMs: 100, failures: 3, checks: [] };
    const { requestId } = await environment.ask(givenVersion(plan, number, { plan: { ...plan, bake } }));
    await environment.until('it bakes', () => harness.world.glance().arrived.includes(`${key} bake`));
    await environment.terminateLane();
    await environment.ended(requestId);
  }

  it('is taken back by its recovery when the change was ended from outside', async () => {
    const environment = new EnvironmentScene(harness, givenFleet(3));
    await environment.release(1);
    await terminated(environment, 2);
    const now = environment.world();
    expect(now.proxies).toEqual(all(3, 'blue'));
    expect(Object.values(now.hosts).every(({ slots }) => slots.green === null)).toBe(true);
  });

  it('is taken back to where its proxies were told to lead before the first release', async () => {
    const plan = givenFleet(2);
    const environment = new EnvironmentScene(harness, plan);
    const key = environmentKey(plan.pipeline, plan.name);
    harness.world.update((state) => {
      environmentIn(state, key, ['web-1', 'web-2']).proxies = { 'web-1': 'green', 'web-2': 'green' };
    });
    await terminated(environment, 1);
    expect(environment.world().proxies).toEqual(all(2, 'green'));
  });

  it('brings what is live at once to a host in quarantine that a release which died had come to', async () => {
    const environment = await givenOneBehind(QUARANTINE);
    await environment.decide('skipHost', { host: 'web-2' });
    await terminated(environment, 3);
    expect(await untilTogether(environment)).toEqual(TOGETHER);
  });

  it('leads a host back to what it served when its try was ended from outside', async () => {
    const environment = new EnvironmentScene(harness, givenFleet(3, { rollout: QUARANTINE }));
    await environment.release(1);
    // it serves on, since nobody could reach it
    environment.break('preflight', 'unreachable', { host: 'web-2' });
    await environment.release(2);
    expect(environment.world().proxies).toEqual({ ...all(3, 'green'), 'web-2': 'blue' });
    mend(harness.world, environmentKey(environment.plan.pipeline, environment.plan.name));
    environment.break('switchTraffic', 'hang-after', { host: 'web-2' });
    await environment.decide('retryStep');
    await environment.until('it is switched', () => environment.world().proxies?.['web-2'] === 'green');
    await environment.terminateLane();
    await environment.until(
      'the lane is free',
      ({ inFlight, apart }) => inFlight === null && apart?.[0]?.tries === 1,
    );
    const now = environment.world();
    expect(now.proxies).toEqual({ ...all(3, 'green'), 'web-2': 'blue' });
    expect(now.hosts['web-2']?.slots).toMatchObject({ green: null });
  });
});
