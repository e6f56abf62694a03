import { describe, expect, it } from 'vitest';
import type { Activities } from '../../workflows/activity-contract.js';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import {
  changeOf,
  decideOn,
  givenScene,
  runsEverywhere,
  startChange,
  statusOf,
  waitsFor,
  type ChangeHandle,
  type Scene,
} from '../support/change-scene.js';
import { activityInputs } from '../support/activity-inputs.js';
import { givenPlan, givenPlanInPlace, givenTraffic, SIGNED } from '../support/given.js';
import { useHarness } from '../support/use-harness.js';
import { until } from '../support/workflow-harness.js';

const harness = useHarness();

const BY_HAND: Partial<EnvironmentPlan> = { traffic: givenTraffic({ switch: 'manual' }) };

interface Started {
  scene: Scene;
  handle: ChangeHandle;
  before: unknown;
}

async function start(
  plan: EnvironmentPlan,
  prepare: (scene: Scene) => void = () => undefined,
): Promise<Started> {
  const warm = plan.strategy === 'blue-green' ? { warm: 'v0' } : {};
  const scene = givenScene(harness, plan, { live: 'v1', ...warm });
  prepare(scene);
  const before = scene.visible();
  const input = changeOf(scene);
  return { scene, handle: await startChange(harness, input), before };
}

/** A change that stands still in this activity. */
async function startAndStop(activity: keyof Activities, plan = givenPlan()): Promise<Started> {
  const started = await start(plan, (scene) => scene.break(activity, 'hang-before'));
  await started.scene.arrived(activity);
  return started;
}

describe('the switch by hand', () => {
  it('waits for switchTraffic and says so, then goes on', async () => {
    const { scene, handle } = await start(givenPlan(BY_HAND));
    const status = await waitsFor(handle, 'switch');
    expect(status).toMatchObject({
      state: 'waiting',
      identity: 'unverified',
      waitEnds: { then: 'undoes in 24h' },
    });
    expect(status.report).toContain('- switch: `slipway switch ');
    expect(scene.now()?.proxy).toBe('blue');
    const { memo, searchAttributes } = await handle.describe();
    expect(memo?.['report']).toContain('>> switch');
    expect(searchAttributes['SlipwayWaitingFor']).toEqual(['switch']);
    expect(await decideOn(handle, 'switchTraffic')).toMatchObject({ accepted: true, refused: null });
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
    const ended = await handle.describe();
    expect(ended.searchAttributes['SlipwayWaitingFor']).toBeUndefined();
    expect(ended.searchAttributes['SlipwayState']).toEqual(['succeeded']);
    expect(ended.memo?.['report']).toContain('ok bake');
  });

  it('says when it is undone otherwise, in the units people write', async () => {
    const traffic = givenTraffic({ switch: 'manual', switchWithinMs: 600_000 });
    const { handle } = await start(givenPlan({ traffic }));
    expect(await waitsFor(handle, 'switch')).toMatchObject({ waitEnds: { then: 'undoes in 10m' } });
    await decideOn(handle, 'switchTraffic');
    await handle.result();
  });

  it('takes the word as a signal, as the CLI of Temporal sends it', async () => {
    const { handle } = await start(givenPlan(BY_HAND));
    await waitsFor(handle, 'switch');
    await handle.signal('switchTraffic', { by: 'oleg' });
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
  });

  it('ignores signals of any other shape', async () => {
    const { handle } = await start(givenPlan(BY_HAND));
    await waitsFor(handle, 'switch');
    for (const nonsense of [null, 'yes', [], { by: '' }, { by: 'x', reason: 7 }])
      await handle.signal('switchTraffic', nonsense);
    expect(await statusOf(handle)).toMatchObject({ waitingFor: 'switch' });
    await handle.signal('abort', { by: 'oleg' });
    expect(await handle.result()).toMatchObject({ state: 'aborted' });
  });

  it('goes on by no signed word that no worker can look at, and by the next', async () => {
    const plan = givenPlan({ ...BY_HAND, may: { switch: ['leads'] } });
    const { handle } = await start(plan, (scene) => scene.break('verifyDecision', 'refuse'));
    await waitsFor(handle, 'switch');
    await decideOn(handle, 'switchTraffic', { by: 'oleg', statement: SIGNED });
    await until('it is denied', async () => (await statusOf(handle)).denials?.length === 1);
    expect(await waitsFor(handle, 'switch')).toMatchObject({ claims: 0, denials: [{ by: 'oleg' }] });
    await decideOn(handle, 'switchTraffic', { statement: SIGNED });
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
  });

  it('is undone at once while a worker looks at a signed word', async () => {
    const plan = givenPlan({ ...BY_HAND, may: { switch: ['leads'] } });
    const { scene, handle, before } = await start(plan, (scene) =>
      scene.break('verifyDecision', 'hang-before'),
    );
    await waitsFor(handle, 'switch');
    await decideOn(handle, 'switchTraffic', { statement: SIGNED });
    await scene.arrived('verifyDecision');
    expect(await decideOn(handle, 'abort')).toMatchObject({ accepted: true });
    expect(await handle.result()).toMatchObject({ state: 'aborted', clean: true });
    expect(scene.visible()).toEqual(before);
  });

  it('is no word to a step that does not wait for one', async () => {
    const { scene, handle } = await startAndStop('deploy');
    const reply = await decideOn(handle, 'switchTraffic');
    expect(reply).toMatchObject({ accepted: false });
    expect(reply.refused).toMatch(/does not wait for a word, it is at deploy; slipway watch/);
    scene.release('deploy');
    await handle.result();
  });
});

describe('back', () => {
  it('moves traffic at once without waiting for the bake, then undoes the rest', async () => {
    const { scene, handle, before } = await startAndStop('bake');
    expect(scene.now()?.proxy).toBe('green');
    expect(await decideOn(handle, 'back')).toMatchObject({ accepted: true });
    const result = await handle.result();
    expect(result).toMatchObject({
      state: 'rolled-back',
      clean: true,
      backMs: 7,
      live: { version: 'v1' },
      warm: { version: 'v0' },
      unwind: [
        { step: 'switch', outcome: 'undone' },
        { step: 'deploy', outcome: 'undone' },
      ],
    });
    expect(result.headline).toMatch(/switched back by irina, undone; v1 is live, as before$/);
    expect(scene.visible()).toEqual(before);
    const calls = scene.now()?.calls ?? [];
    expect(calls.slice(calls.indexOf('bake green'))).toEqual([
      'bake green',
      'switchTraffic blue',
      'undoDeploy green',
      'undoDeploy green',
    ]);
  });

  it('is refused before the switch, with the way out', async () => {
    const { scene, handle } = await startAndStop('verify');
    const reply = await decideOn(handle, 'back');
    expect(reply.refused).toBe(
      `nothing of ${scene.plan.name} was switched yet; slipway abort ${scene.plan.name} stops and undoes`,
    );
    scene.release('verify');
    await handle.result();
  });

  it('is refused to an in-place change, which never switches', async () => {
    const { scene, handle } = await startAndStop('bake', givenPlanInPlace());
    expect((await decideOn(handle, 'back')).refused).toContain('slipway abort');
    scene.release('bake');
    await handle.result();
  });

  it('is one decision when the same one comes twice', async () => {
    const { handle } = await startAndStop('bake');
    await decideOn(handle, 'back', { decisionId: 'one' });
    await decideOn(handle, 'back', { decisionId: 'one' }).catch(() => 'it has ended');
    expect(await handle.result()).toMatchObject({ state: 'rolled-back' });
  });
});

describe.each(['abort', 'cancel'] as const)('%s', (how) => {
  it.each([
    'preflight',
    'claim',
    'proveWayBack',
    'deploy',
    'verify',
    'switchTraffic',
    'bake',
    'tagArtifacts',
  ] as const)('in %s undoes what has begun', async (activity) => {
    const { scene, handle, before } = await startAndStop(activity);
    if (how === 'abort') await decideOn(handle, 'abort');
    else {
      await handle.cancel();
      await handle.cancel();
    }
    expect(await handle.result()).toMatchObject({ state: 'aborted', clean: true, live: { version: 'v1' } });
    expect(scene.visible()).toEqual(before);
  });
});

describe('a second stop', () => {
  it('is refused while the first is undone', async () => {
    const { scene, handle } = await start(givenPlan(), (scene) => {
      scene.break('bake', 'hang-before');
      scene.break('undoDeploy', 'hang-before');
    });
    await scene.arrived('bake');
    await decideOn(handle, 'abort');
    await scene.arrived('undoDeploy');
    for (const name of ['abort', 'back', 'pause'] as const) {
      expect((await decideOn(handle, name)).refused).toMatch(/already being undone, at deploy/);
    }
    await handle.cancel();
    scene.release('undoDeploy');
    expect(await handle.result()).toMatchObject({ state: 'aborted', clean: true });
  });
});

describe('pause and resume', () => {
  it('stops before the next step and goes on', async () => {
    const { scene, handle } = await startAndStop('deploy');
    expect((await decideOn(handle, 'resume')).refused).toMatch(/not paused/);
    expect(await decideOn(handle, 'pause')).toMatchObject({ accepted: true });
    expect((await decideOn(handle, 'pause')).refused).toMatch(/already paused; slipway resume/);
    scene.release('deploy');
    await waitsFor(handle, 'resume');
    expect(scene.now()?.calls).not.toContain('verify green');
    await decideOn(handle, 'resume');
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
  });
});

describe('a step that holds', () => {
  it('is tried again by retryStep', async () => {
    const { scene, handle } = await start(givenPlan({ onFailure: 'hold' }), (scene) =>
      scene.break('verify', 'say-no'),
    );
    const status = await waitsFor(handle, 'verify failed: retry, skip-host or abort');
    expect(status.failure).toMatchObject({ what: 'health: /health answered 500', why: 'KeyError: region' });
    expect((await decideOn(handle, 'resume')).accepted).toBe(false);
    expect(await decideOn(handle, 'retryStep')).toMatchObject({ accepted: true });
    expect(await handle.result()).toMatchObject({ state: 'succeeded', failure: null });
    expect(scene.now()?.calls.filter((call) => call === 'verify green')).toHaveLength(2);
  });

  it('is undone by abort', async () => {
    const { scene, handle, before } = await start(givenPlan(), (scene) =>
      scene.break('verify', 'inconclusive'),
    );
    await waitsFor(handle, 'verify could not be made: retry, skip-host or abort');
    await decideOn(handle, 'abort');
    expect(await handle.result()).toMatchObject({ state: 'aborted', clean: true });
    expect(scene.visible()).toEqual(before);
  });

  it('goes on without a host that is skipped, which stands apart from then on', async () => {
    const { scene, handle } = await start(givenPlan({ onFailure: 'hold' }), (scene) =>
      scene.break('deploy', 'refuse'),
    );
    await waitsFor(handle, 'deploy failed');
    expect((await decideOn(handle, 'skipHost')).refused).toContain('hosts: web-1, web-2');
    expect((await decideOn(handle, 'skipHost', { host: 'web-9' })).refused).toContain('no host web-9');
    expect(await decideOn(handle, 'skipHost', { host: 'web-2' })).toMatchObject({ accepted: true });
    const result = await handle.result();
    const apart = [
      { host: 'web-2', state: 'quarantined', why: expect.stringMatching(/^skipped by /) as string },
    ];
    expect(result).toMatchObject({ state: 'succeeded', clean: true, apart });
    expect(result.headline).toContain('without web-2');
    expect(scene.now()?.hosts['web-2']?.slots.green).toContain('v0@');
  });

  it('leaves the proxy where it is when its host is skipped', async () => {
    const { handle } = await start(givenPlan({ onFailure: 'hold' }), (scene) =>
      scene.break('deploy', 'refuse'),
    );
    await waitsFor(handle, 'deploy failed');
    await decideOn(handle, 'skipHost', { host: 'web-1' });
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
    const [input] = await activityInputs(handle, 'switchTraffic');
    expect(input).toMatchObject({
      target: { plan: { hosts: [{ name: 'web-2' }], traffic: { host: { name: 'web-1' } } } },
    });
  });

  it('is nothing to retry when none holds', async () => {
    const { scene, handle } = await startAndStop('deploy');
    expect((await decideOn(handle, 'retryStep')).refused).toMatch(/no step holds/);
    scene.release('deploy');
    await handle.result();
  });
});

describe('decisions that are others to take', () => {
  it.each(['approve', 'reject', 'freeze', 'unfreeze'] as const)(
    '%s is refused with the way out',
    async (name) => {
      const { scene, handle } = await startAndStop('deploy');
      expect((await decideOn(handle, name)).refused).toContain('slipway ');
      scene.release('deploy');
      await handle.result();
    },
  );

  it('an update of another shape is rejected before it is recorded', async () => {
    const { scene, handle } = await startAndStop('deploy');
    await expect(handle.executeUpdate('abort', { args: [{ by: 7 }] })).rejects.toMatchObject({
      cause: { message: 'a decision says who takes it; add "by": "your name"' },
    });
    scene.release('deploy');
    await handle.result();
  });
});

describe('superseded by a newer release', () => {
  it('ends the bake early', async () => {
    const { handle } = await startAndStop('bake');
    await handle.signal('superseded', { environment: 'prod', version: 'v3', commit: 'abc' });
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'succeeded', live: { version: 'v2' } });
    expect(result.steps.find((step) => step.name === 'bake')?.note).toBe('ended early: v3 waits');
  });

  it.each([
    ['finish', 'succeeded'],
    ['undo', 'superseded'],
  ] as const)('before the cutover the policy %s decides', async (onSupersede, state) => {
    const { scene, handle, before } = await startAndStop('verify', givenPlan({ onSupersede }));
    await handle.signal('superseded', { environment: 'prod', version: 'v3', commit: 'abc' });
    if (onSupersede === 'finish') scene.release('verify');
    expect(await handle.result()).toMatchObject({ state, clean: true });
    expect(JSON.stringify(scene.visible()) === JSON.stringify(before)).toBe(onSupersede === 'undo');
  });
});

describe('an undo that fails', () => {
  it('parks, says who is needed, and goes on when told', async () => {
    const { scene, handle, before } = await start(givenPlan(), (scene) => {
      scene.break('verify', 'say-no');
      scene.break('undoDeploy', 'foreign');
    });
    const status = await waitsFor(handle, 'a person: undo of deploy failed');
    expect(status.failure?.wayOut).toBe(`look; then slipway retry ${scene.plan.name}`);
    expect(status).toMatchObject({
      state: 'waiting',
      unwind: [
        { step: 'switch', outcome: 'never-ran' },
        { step: 'deploy', outcome: 'undo-failed' },
      ],
    });
    expect(status.failure?.what).toBe('somebody else changed it');
    for (const name of ['abort', 'back', 'skipHost'] as const) {
      expect((await decideOn(handle, name, { host: 'web-1' })).refused).toMatch(
        /undo of deploy failed.*slipway retry/,
      );
    }
    await decideOn(handle, 'retryStep');
    expect(await handle.result()).toMatchObject({
      state: 'failed',
      clean: true,
      unwind: [{}, { step: 'deploy', outcome: 'undone' }],
    });
    expect(scene.visible()).toEqual(before);
  });

  it('of traffic is a barrier: nothing below it is undone while the proxy cannot be asked', async () => {
    const { scene, handle, before } = await start(givenPlan(), (scene) => {
      scene.break('bake', 'say-no');
      scene.break('switchTraffic', 'unreachable', { times: 3, to: 'blue' });
    });
    await until(
      'the proxy is asked again',
      () => (scene.now()?.calls ?? []).filter((call) => call === 'switchTraffic blue').length >= 2,
    );
    expect(scene.now()?.calls).not.toContain('undoDeploy green');
    const { report, unwind } = await statusOf(handle);
    expect(unwind).toEqual([]);
    // it goes back already
    expect(report).not.toContain('slipway abort');
    expect(runsEverywhere(scene, 'green', 'v2') && runsEverywhere(scene, 'blue', 'v1')).toBe(true);
    expect(await handle.result()).toMatchObject({ state: 'failed', clean: true });
    expect(scene.visible()).toEqual(before);
  });
});
