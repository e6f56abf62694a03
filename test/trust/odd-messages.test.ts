/**
 * Messages as people, scripts and the UI really send them: without input, half an object, of another shape. A handler
 * that throws would wedge its run for good, and a wrong number kept would outlive it.
 */
import { describe, expect, it } from 'vitest';
import { changeOf, givenScene, startChange, waitsFor } from '../support/change-scene.js';
import { EnvironmentScene, givenVersion, sha } from '../support/environment-scene.js';
import { NOWHERE } from '../support/fake-hosts.js';
import { breakActivity, release } from '../support/fake-world.js';
import { givenPlan, givenRule, givenTraffic } from '../support/given.js';
import { endOf, givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import type { ReleaseRequest } from '../../workflows/messages.js';
import { useHarness } from '../support/use-harness.js';
import { releaseId, SIGNAL, WORKFLOW } from '../../workflows/names.js';

const harness = useHarness();

const SHAPES: unknown[] = [undefined, null, 7, 'text', [], {}, { requestId: 'x' }, { requestId: 7 }];

/** Ends of a change, but for what people are to have said to it. */
const OUTCOMES: unknown[] = ['text', { decisions: [] }, { decisions: [{}], denials: [] }].map((said) => ({
  ...{ headline: 'x', state: 'failed', clean: true, steps: [], unwind: [], said },
}));

const ONE_APPROVAL = givenRule(1);

/** The harness makes no plan for it. */
const UNKNOWN_RELEASE: Omit<ReleaseRequest, 'pipeline'> = {
  requestId: 'r-1',
  repositoryUrl: '/srv/shop.git',
  file: 'slipway.yaml',
  ref: { kind: 'branch', name: 'main' },
  commit: sha(1),
  version: 'v1',
  to: [],
  actor: { by: 'vadim', proof: 'unverified' },
  reason: null,
};

const REQUESTS: unknown[] = [
  { type: 'change' },
  { type: 'change', request: null },
  { type: 'change', request: {} },
  { type: 'change', request: { requestId: 'half', kind: 'deploy', version: 'v9' } },
  { type: 'rollback', requestId: 'no-actor', version: null },
  { type: 'redeploy', requestId: 'no-actor-either' },
  { type: 'demolish', requestId: 'unknown' },
];

const CUTOVERS: unknown[] = [
  { token: Number.NaN, requestId: 'x' },
  { token: 'twelve', requestId: 'x' },
  { token: 1e300, requestId: 'x' },
  { token: -4, requestId: 'x' },
  { token: 2.5, requestId: 'x' },
];

describe('an environment', () => {
  it('goes on after every message it cannot read, and its token stays what it was', async () => {
    const prod = new EnvironmentScene(harness, givenPlan());
    await prod.release(1);
    for (const signal of [SIGNAL.request, SIGNAL.announce, SIGNAL.withdraw, SIGNAL.cutover, SIGNAL.apart])
      for (const shape of SHAPES) await prod.send(signal, shape);
    for (const request of REQUESTS) await prod.send(SIGNAL.request, request);
    for (const cutover of CUTOVERS) await prod.send(SIGNAL.cutover, cutover);
    expect(await prod.release(2)).toMatchObject({ state: 'succeeded', live: null });
    const status = await prod.status();
    expect(status).toMatchObject({ token: 2, queue: [], inFlight: null, live: { version: 'v2' } });
    expect(prod.serving()).toBe('v2');
  });

  it.each([undefined, 7])('goes back where the reason for it is %s', async (reason) => {
    const prod = new EnvironmentScene(harness, givenPlan());
    await prod.release(1);
    await prod.release(2);
    const asked = { type: 'rollback', requestId: 'typed', version: 'v1', actor: { by: 'oleg' }, reason };
    await prod.send(SIGNAL.request, asked);
    expect(await prod.ended('typed')).toMatchObject({
      state: 'succeeded',
      said: { decisions: [{ decision: 'rollback', by: 'oleg', reason: null }] },
    });
    expect(prod.serving()).toBe('v1');
  });

  it('deploys nothing that was planned for another environment or pipeline', async () => {
    const prod = new EnvironmentScene(harness, givenPlan());
    await prod.release(1);
    const { plan } = prod;
    for (const elsewhere of [
      { ...plan, name: 'elsewhere' },
      { ...plan, pipeline: 'another' },
    ]) {
      const { requestId } = await prod.ask(givenVersion(elsewhere, 2));
      expect(await prod.ended(requestId)).toMatchObject({ state: 'failed', clean: true, steps: [] });
    }
    for (const kind of ['recover', 'retire'] as const) await prod.ask(givenVersion(plan, 2, { kind }));
    expect(await prod.status()).toMatchObject({ token: 1, queue: [], inFlight: null });
    expect((await prod.release(3)).state).toBe('succeeded');
    expect(await prod.status()).toMatchObject({ token: 2, live: { version: 'v3' } });
  });

  it.each(['2126-01-01T00:00:00Z', '9999-12-31T23:59:59Z'])('may be frozen until %s', async (until) => {
    const prod = new EnvironmentScene(harness, givenPlan());
    await prod.release(1);
    expect(await prod.decide('freeze', { until })).toMatchObject({ accepted: true });
    const held = await prod.ask(givenVersion(prod.plan, 2));
    await prod.until('it is queued', ({ queue }) => queue.length === 1);
    expect(await prod.decide('unfreeze')).toMatchObject({ accepted: true });
    expect(await prod.ended(held.requestId)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a promotion and a release', () => {
  it('go on after a word of other runs that they cannot read', async () => {
    const plan = givenPlan({ approvals: [ONE_APPROVAL] });
    const promotion = await PromotionScene.start(harness, givenPromotion(plan, 1));
    await promotion.waitsFor('approval');
    for (const signal of [SIGNAL.outcome, SIGNAL.superseded])
      for (const shape of SHAPES) await promotion.handle.signal(signal, shape);
    for (const outcome of OUTCOMES) await promotion.handle.signal(SIGNAL.outcome, outcome);
    expect(await promotion.decide('approve', 'oleg')).toMatchObject({ accepted: true });
    expect(await promotion.end()).toMatchObject({ state: 'succeeded', red: false });

    // one that has no plan is soon over
    breakActivity(harness.world, NOWHERE.key, 'resolvePlan', 'hang-before');
    const run = await harness.client.workflow.start(WORKFLOW.release, {
      workflowId: releaseId(plan.pipeline, plan.name),
      taskQueue: harness.taskQueue,
      args: [{ ...UNKNOWN_RELEASE, pipeline: plan.pipeline }],
    });
    for (const shape of SHAPES) await run.signal(SIGNAL.superseded, shape);
    release(harness.world, NOWHERE.key, 'resolvePlan');
    await expect(endOf(run)).resolves.toMatchObject({ state: 'failed', red: true });
  });
});

describe('a decision with an empty id', () => {
  it('is one of its own', async () => {
    const plan = givenPlan({ traffic: givenTraffic({ switch: 'manual' }) });
    const scene = givenScene(harness, plan);
    const handle = await startChange(harness, changeOf(scene));
    await waitsFor(handle, 'switch');
    await handle.signal('pause', { by: 'anna', decisionId: '' });
    await handle.signal('switchTraffic', { by: 'anna', decisionId: '' });
    await handle.signal('resume', { by: 'anna', decisionId: '' });
    expect(await handle.result()).toMatchObject({ state: 'succeeded' });
  });
});
