import { describe, expect, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { activityInputs } from '../support/activity-inputs.js';
import { EnvironmentScene } from '../support/environment-scene.js';
import { breakActivity } from '../support/fake-world.js';
import { givenDecision, givenGate, givenPlan, givenRule, receiptFor } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { useHarness } from '../support/use-harness.js';

const harness = useHarness();

const gate = givenGate();

async function start(
  plan: EnvironmentPlan,
  number = 1,
  changes: Parameters<typeof givenPromotion>[2] = {},
): Promise<PromotionScene> {
  return await PromotionScene.start(harness, givenPromotion(plan, number, changes));
}

describe('a promotion', () => {
  it('passes its gates and its change, and carries the evidence', async () => {
    const plan = givenPlan({ gates: [gate], approvals: [givenRule(1, null)] });
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    await promotion.decide('approve', 'oleg');
    const end = await promotion.end();
    expect(end).toMatchObject({ red: false, state: 'succeeded', refused: false, clean: true });
    expect(end.evidence.map(({ name, verdict, by }) => [name, verdict, by])).toEqual([
      ['tests', 'pass', null],
      ['approval', 'approved', 'oleg'],
    ]);
    expect(new EnvironmentScene(harness, plan).serving()).toBe('v1');
    const status = await promotion.status();
    expect(status.steps.map(({ name, state }) => [name, state])).toEqual([
      ['tests', 'succeeded'],
      ['approvals', 'succeeded'],
      ['change', 'succeeded'],
    ]);
    expect(status.report).toContain('identity: unverified');
    const asked = await activityInputs(promotion.handle, 'runGate');
    expect(asked).toMatchObject([{ gate, plan: { environments: [plan.name] } }]);
  });

  it('is refused by a gate, red, with the way out, and nothing was touched', async () => {
    const plan = givenPlan({ pipeline: 'gated', gates: [gate] });
    breakActivity(harness.world, 'gated', 'runGate', 'refuse');
    const end = await (await start(plan)).end();
    expect(end).toMatchObject({ red: true, state: 'failed', refused: true, clean: true, change: null });
    expect(end.message).toContain('mend it');
    expect(Object.keys(harness.world.read().environments)).not.toContain(`gated/${plan.name}`);
  });

  it('goes on where a gate was waived, and says so in its evidence', async () => {
    const plan = givenPlan({ gates: [{ ...gate, name: 'waived' }] });
    const promotion = await start(plan);
    const end = await promotion.end();
    expect(end).toMatchObject({ red: false, state: 'succeeded' });
    expect(end.evidence).toMatchObject([
      { name: 'waived', verdict: 'waived', note: expect.stringContaining('CVE-1'), reportSha: 'a1b2' },
    ]);
    expect((await promotion.status()).steps[0]).toMatchObject({
      name: 'waived',
      state: 'succeeded',
      note: expect.stringContaining('by anna'),
    });
  });

  it('is refused where the commit was not good before, and goes on where it was', async () => {
    const stage = givenPlan();
    const prod = givenPlan({ after: [stage.name] });
    const refused = await (await start(prod)).end();
    expect(refused).toMatchObject({ red: true, refused: true });
    expect(refused.message).toContain(`slipway release v1 --to ${stage.name} first`);
    expect((await (await start(stage)).end()).state).toBe('succeeded');
    const end = await (await start(prod)).end();
    expect(end.state).toBe('succeeded');
    expect((await (await start(prod, 2)).end()).refused).toBe(true);
    const receipts = ['deploy', 'verify', 'switch'].map((step) =>
      receiptFor(step, { plan: stage, version: 'v1', token: 1 }),
    );
    expect(end.evidence).toMatchObject([{ name: `good on ${stage.name}`, receipts }]);
    expect(end.change?.live?.evidence).toMatchObject([{ receipts }]);
  });

  it('comes after an environment that went back to it, with the receipts of when it became live there', async () => {
    const stage = givenPlan();
    const environment = new EnvironmentScene(harness, stage);
    for (const number of [1, 2]) expect((await (await start(stage, number)).end()).state).toBe('succeeded');
    expect((await environment.ended(await environment.rollback())).headline).toMatch(/v1 is live/);
    const { evidence } = await (await start(givenPlan({ after: [stage.name] }))).end();
    expect(evidence[0]?.receipts?.map(({ statement }) => statement)).toEqual(
      ['deploy', 'verify', 'switch'].map((step) => `${step} of v1 on ${stage.name}, 1`),
    );
  });

  it('fails red when its change is undone', async () => {
    const plan = givenPlan();
    const prod = new EnvironmentScene(harness, plan);
    prod.break('verify', 'say-no');
    const end = await (await start(plan)).end();
    expect(end).toMatchObject({ red: true, state: 'failed', refused: false, clean: true });
    expect(end.message).toContain('/health answered 500');
    expect(end.change?.unwind.length).toBeGreaterThan(0);
  });

  it('pauses before the next step and resumes', async () => {
    const plan = givenPlan({ approvals: [givenRule(1, null)] });
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    await promotion.decide('pause', 'irina');
    await promotion.decide('approve', 'oleg');
    await promotion.waitsFor('resume');
    await promotion.decide('resume', 'irina');
    expect((await promotion.end()).state).toBe('succeeded');
  });
});

describe('approvals', () => {
  it('need distinct people of the right groups, not the requester, not an author', async () => {
    const plan = givenPlan({ approvals: [givenRule(1, 'platform'), givenRule(1, 'backend')] });
    const promotion = await start(plan);
    await promotion.waitsFor('2 approvals (platform, backend)');
    const refusals = [
      await promotion.decide('approve', 'Vadim', { group: 'platform' }),
      await promotion.decide('approve', 'anna', { group: 'platform' }),
      await promotion.decide('approve', 'anna@example.com', { group: 'platform' }),
      await promotion.decide('approve', 'oleg', { group: 'sales' }),
      await promotion.decide('approve', 'oleg', { group: 'backend', planHash: 'b'.repeat(64) }),
      await promotion.decide('approve', 'oleg', { group: 'backend', digest: 'sha256:other' }),
    ];
    expect(refusals.map((reply) => reply.accepted)).toEqual(refusals.map(() => false));
    expect(await promotion.decide('approve', 'oleg', { group: 'backend' })).toMatchObject({ accepted: true });
    expect((await promotion.decide('approve', 'OLEG', { group: 'platform' })).refused).toContain(
      'counts once',
    );
    expect((await promotion.status()).approvals).toMatchObject([{ by: 'oleg', group: 'backend' }]);
    await promotion.waitsFor('1 approval (platform)');
    await promotion.decide('approve', 'irina', { group: 'platform' });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('may come from the requester where the plan says so', async () => {
    const promotion = await start(givenPlan({ approvals: [givenRule(1, null)], selfApproval: true }));
    await promotion.waitsFor('1 approval');
    expect(await promotion.decide('approve', 'vadim')).toMatchObject({ accepted: true });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('come as signals too, and the same decision twice is one', async () => {
    const promotion = await start(givenPlan({ approvals: [givenRule(2, null)] }));
    await promotion.waitsFor('2 approvals');
    const decision = givenDecision('oleg');
    await promotion.handle.signal('approve', decision);
    await promotion.handle.signal('approve', decision);
    await promotion.handle.signal('approve', { nobody: 'says so' });
    await promotion.waitsFor('1 approval');
    await promotion.handle.signal('approve', { by: 'irina' });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('end with one rejection, which is final', async () => {
    const plan = givenPlan({ approvals: [givenRule(2, null)] });
    const promotion = await start(plan);
    await promotion.waitsFor('2 approvals');
    await promotion.decide('approve', 'oleg');
    await promotion.decide('reject', 'irina', { reason: 'not before the holidays' });
    const end = await promotion.end();
    expect(end).toMatchObject({ red: true, state: 'failed', refused: true, clean: true });
    expect(end.failure).toMatchObject({
      what: 'rejected by irina (identity: unverified)',
      why: 'not before the holidays',
    });
    expect(end.evidence).toMatchObject([{ verdict: 'fail', by: 'irina' }]);
    expect((await new EnvironmentScene(harness, plan).status()).announced).toEqual([]);
  });
});

describe('an abort', () => {
  it('ends a promotion that waits, green, with nothing touched', async () => {
    const promotion = await start(givenPlan({ approvals: [givenRule(1, null)] }));
    await promotion.waitsFor('1 approval');
    await promotion.decide('abort', 'irina', { reason: 'wrong tag' });
    expect(await promotion.end()).toMatchObject({ red: false, state: 'aborted', clean: true, change: null });
    const { decisions, report } = await promotion.status();
    expect(decisions).toMatchObject([{ decision: 'abort', by: 'irina', reason: 'wrong tag' }]);
    expect(report).toContain('abort by irina (identity: unverified): wrong tag');
  });

  it('is what Temporal’s own cancellation means', async () => {
    const promotion = await start(givenPlan({ approvals: [givenRule(1, null)] }));
    await promotion.waitsFor('1 approval');
    await promotion.handle.cancel();
    const end = await promotion.end();
    expect(end).toMatchObject({ red: false, state: 'aborted' });
    expect(end.headline).toContain('aborted by a cancellation');
  });

  it('takes a queued request back', async () => {
    const plan = givenPlan();
    const prod = new EnvironmentScene(harness, plan);
    await prod.send('freeze', givenDecision('irina'));
    const promotion = await start(plan);
    await prod.until('it is queued', ({ queue }) => queue.length === 1);
    await promotion.decide('abort', 'irina');
    expect(await promotion.end()).toMatchObject({ red: false, state: 'aborted', clean: true });
    expect((await prod.status()).queue).toEqual([]);
  });

  it.each(['abort', 'cancel'] as const)('(%s) undoes a change in flight', async (how) => {
    const plan = givenPlan();
    const prod = new EnvironmentScene(harness, plan);
    await prod.release(1);
    const verify = prod.hold('verify');
    const promotion = await start(plan, 2);
    await verify.arrived();
    if (how === 'abort') await promotion.decide('abort', 'irina');
    else await promotion.handle.cancel();
    const end = await promotion.end();
    expect(end).toMatchObject({ red: false, state: 'aborted', clean: true });
    expect(end.change?.unwind.map((undo) => undo.step)).toContain('deploy');
    const by = how === 'abort' ? 'irina' : 'a cancellation';
    expect(end.change?.said?.decisions).toMatchObject([{ decision: 'abort', by }]);
    const { decisions, report } = await promotion.status();
    // once, though both have heard it
    expect(decisions).toMatchObject([{ decision: 'abort', by }]);
    expect(report).toContain(`abort by ${by} (identity: unverified)`);
    expect(prod.serving()).toBe('v1');
  });

  it('of a rejected promotion in the queue counts as the rejection', async () => {
    const plan = givenPlan({ approvals: [givenRule(1, null)] });
    const prod = new EnvironmentScene(harness, plan);
    await prod.send('freeze', givenDecision('irina'));
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    await promotion.decide('approve', 'oleg');
    await prod.until('it is queued', ({ queue }) => queue.length === 1);
    await promotion.decide('reject', 'irina');
    expect(await promotion.end()).toMatchObject({ red: true, state: 'failed', refused: true });
  });
});
