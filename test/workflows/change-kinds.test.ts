import { describe, expect, it } from 'vitest';
import { activityInputs } from '../support/activity-inputs.js';
import {
  changeOf,
  givenScene,
  runChange,
  runsEverywhere,
  startChange,
  waitsFor,
} from '../support/change-scene.js';
import {
  givenChange,
  givenPlan,
  givenPlanInPlace,
  givenRecord,
  givenRequest,
  givenTraffic,
} from '../support/given.js';
import { useHarness } from '../support/use-harness.js';

const harness = useHarness();

describe('rollback', () => {
  it('to a warm colour is one switch, without a word and without a deploy', async () => {
    const plan = givenPlan({ traffic: givenTraffic({ switch: 'manual' }) });
    const scene = givenScene(harness, plan, { live: 'v2', warm: 'v1' });
    const input = changeOf(scene, 'v1', 'rollback');
    const result = await runChange(harness, input);
    expect(result).toMatchObject({ state: 'succeeded', clean: true, switchMs: 7 });
    expect(result.live).toMatchObject({ version: 'v1', colour: 'green', token: 2 });
    expect(result.warm).toMatchObject({ version: 'v2', colour: 'blue' });
    expect(scene.now()?.calls).toEqual(['switchTraffic green', 'verify green', 'tagArtifacts']);
    expect(scene.now()?.proxy).toBe('green');
    expect(scene.now()?.hosts['web-1']?.fence).toBe(2);
  });

  it('to a warm colour that is sick goes back to where it was', async () => {
    const scene = givenScene(harness, givenPlan(), { live: 'v2', warm: 'v1' });
    const before = scene.visible();
    scene.break('verify', 'say-no');
    const input = changeOf(scene, 'v1', 'rollback');
    const result = await runChange(harness, input);
    expect(result).toMatchObject({
      state: 'failed',
      clean: true,
      live: { version: 'v2' },
      warm: { version: 'v1' },
    });
    expect(scene.visible()).toEqual(before);
  });

  it('to a release that no longer runs is a deploy of its digest, without a bake', async () => {
    const scene = givenScene(harness, givenPlan(), { live: 'v3', warm: 'v2' });
    const input = changeOf(scene, 'v1', 'rollback');
    const result = await runChange(harness, input);
    expect(result).toMatchObject({
      state: 'succeeded',
      live: { version: 'v1', colour: 'green' },
      warm: { version: 'v3' },
    });
    expect(scene.now()?.calls).toContain('deploy green');
    expect(scene.now()?.calls).not.toContain('bake green');
  });

  it('shows workers that its release was live before, or its old gates would keep it out', async () => {
    const scene = givenScene(harness, givenPlan({ hosts: [{ name: 'web-1', address: 'web-1' }] }), {
      live: 'v3',
    });
    const receipts = [{ statement: 'deployed', keyId: 'k', signature: 's' }];
    const request = { ...givenRequest(scene.plan, 'v1', 'rollback'), receipts };
    const handle = await startChange(harness, givenChange(request, { live: scene.live }));
    expect((await handle.result()).live).toMatchObject({ version: 'v1', receipts });
    for (const activity of ['preflight', 'proveWayBack', 'deploy'])
      expect(await activityInputs(handle, activity)).toMatchObject([{ target: { receipts } }]);
  });

  it('without colours rolls forward to the old digest', async () => {
    const scene = givenScene(harness, givenPlanInPlace(), { live: 'v2' });
    const input = changeOf(scene, 'v1', 'rollback');
    expect(await runChange(harness, input)).toMatchObject({ state: 'succeeded', live: { version: 'v1' } });
    expect(runsEverywhere(scene, 'live', 'v1')).toBe(true);
  });
});

describe('redeploy', () => {
  it('deploys the live release again, into the other colour', async () => {
    const scene = givenScene(harness, givenPlan());
    const input = changeOf(scene, 'v1', 'redeploy');
    const result = await runChange(harness, input);
    expect(result).toMatchObject({
      state: 'succeeded',
      live: { version: 'v1', colour: 'green' },
      warm: { colour: 'blue' },
    });
    expect(runsEverywhere(scene, 'green', 'v1')).toBe(true);
  });
});

describe('retire', () => {
  it('stops the warm colour and leaves the live one alone', async () => {
    const scene = givenScene(harness, givenPlan(), { live: 'v2', warm: 'v1' });
    const input = changeOf(scene, 'v1', 'retire');
    const result = await runChange(harness, input);
    expect(result).toMatchObject({ state: 'succeeded', live: { version: 'v2' }, warm: null });
    expect(runsEverywhere(scene, 'green', null) && runsEverywhere(scene, 'blue', 'v2')).toBe(true);
  });

  it('keeps a colour that serves', async () => {
    const scene = givenScene(harness, givenPlan(), { live: 'v2' });
    const warm = givenRecord(scene.plan, 'v2', 'blue');
    await runChange(harness, changeOf(scene, 'v2', 'retire', { warm }));
    expect(runsEverywhere(scene, 'blue', 'v2')).toBe(true);
  });

  it('is given the time that its hosts take one after the other, and that requests take to finish', async () => {
    const plan = givenPlan({ timeoutMs: 60_000, traffic: givenTraffic({ drainMs: 1_200_000 }) });
    const scene = givenScene(harness, plan, { live: 'v2', warm: 'v1' });
    const handle = await startChange(harness, changeOf(scene, 'v1', 'retire'));
    await handle.result();
    const { events } = await handle.fetchHistory();
    const given = (events ?? []).map(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === 'retireColour' ? Number(scheduled.startToCloseTimeout?.seconds) : 0,
    );
    expect(Math.max(...given)).toBeGreaterThan(1_200 + 2 * 60);
  });

  it('that is refused leaves the colour warm and the lane free', async () => {
    const scene = givenScene(harness, givenPlan(), { live: 'v2', warm: 'v1' });
    scene.break('retireColour', 'refuse');
    const input = changeOf(scene, 'v1', 'retire');
    expect(await runChange(harness, input)).toMatchObject({
      state: 'failed',
      clean: true,
      warm: { version: 'v1' },
    });
  });
});

describe('what goes wrong', () => {
  it('preflight problems stop it before anything is touched, with every way out', async () => {
    const scene = givenScene(harness, givenPlan());
    scene.break('preflight', 'problem');
    const input = changeOf(scene);
    const result = await runChange(harness, input);
    expect(result).toMatchObject({
      state: 'failed',
      clean: true,
      failure: { what: 'no credentials', where: 'web-1', wayOut: 'docker login' },
    });
    expect(result.headline).toMatch(/failed in preflight, nothing was touched; v1 is live, as before$/);
    expect(scene.now()?.calls).toEqual(['preflight']);
  });

  it('a higher token on a host ends it superseded, and nothing is undone that is another’s', async () => {
    const scene = givenScene(harness, givenPlan());
    const input = changeOf(scene, 'v2', 'deploy', { token: 0 });
    expect(await runChange(harness, input)).toMatchObject({ state: 'superseded', clean: true, unwind: [] });
  });

  it('a higher token in mid-change ends it superseded and not clean', async () => {
    const scene = givenScene(harness, givenPlan());
    scene.break('verify', 'stale');
    const input = changeOf(scene);
    expect(await runChange(harness, input)).toMatchObject({ state: 'superseded', clean: false });
    expect(scene.now()?.calls).not.toContain('undoDeploy green');
  });

  it('a tag that cannot be put is told and undoes nothing', async () => {
    const scene = givenScene(harness, givenPlan());
    scene.break('tagArtifacts', 'refuse');
    const input = changeOf(scene);
    const result = await runChange(harness, input);
    expect(result).toMatchObject({
      state: 'succeeded',
      clean: true,
      live: { version: 'v2' },
      failure: { wayOut: 'mend it' },
    });
    expect(result.headline).toContain('but settling failed: tagArtifacts was refused');
    expect(scene.now()?.proxy).toBe('green');
  });

  it('a check that cannot be made holds before the cutover and is retried, then undone, after it', async () => {
    const after = givenScene(harness, givenPlan({ timeoutMs: 1_000 }));
    const before = after.visible();
    after.break('bake', 'inconclusive', { times: -1 });
    const input = changeOf(after);
    expect(await runChange(harness, input)).toMatchObject({ state: 'failed', clean: true });
    expect(after.visible()).toEqual(before);
    expect(after.now()?.calls.filter((call) => call === 'bake green').length).toBeGreaterThan(1);

    const earlier = givenScene(harness, givenPlan());
    earlier.break('verify', 'inconclusive');
    const handle = await startChange(harness, changeOf(earlier));
    await waitsFor(handle, 'verify could not be made');
    expect(earlier.now()?.proxy).toBe('blue');
    await handle.terminate('the test is over');
  });

  it('a first release that fails is removed', async () => {
    const scene = givenScene(harness, givenPlan(), { live: null });
    scene.break('bake', 'say-no');
    const result = await runChange(harness, changeOf(scene, 'v1'));
    expect(result).toMatchObject({ state: 'failed', clean: true, live: null });
    expect(result.headline).toContain('nothing is live');
    expect(runsEverywhere(scene, 'blue', null)).toBe(true);
  });
});
