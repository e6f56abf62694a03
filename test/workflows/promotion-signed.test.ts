/** Approvals of a plan that a worker sealed: counted once a worker has looked at them, and shown when they do not count. */
import { describe, expect, it } from 'vitest';
import type { ApprovalRule, EnvironmentPlan } from '../../pipeline/plan.js';
import { breakActivity } from '../support/fake-world.js';
import { givenDecision, givenPlan, givenRule } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness } from '../support/workflow-harness.js';

const denies = (by: string): string | null => (by === 'mallory' ? 'its key is revoked' : null);
const harness = useHarness(() => startHarness({ denies }));

const rule = (count: number, group: string | null, by: ApprovalRule['by'] = 'ssh'): ApprovalRule =>
  givenRule(count, group, { by });

const sealed = (
  approvals: ApprovalRule[],
  protectedBy: EnvironmentPlan['policy'] = { rules: [] },
): EnvironmentPlan =>
  givenPlan({
    approvals,
    seal: { statement: '{}', keyId: 'k', signature: 's' },
    ...(protectedBy === undefined ? {} : { policy: protectedBy }),
  });

const start = (plan: EnvironmentPlan): Promise<PromotionScene> =>
  PromotionScene.start(harness, givenPromotion(plan, 1));

describe('approvals of a sealed plan', () => {
  it('go on with what a worker verified, and hand it to the change', async () => {
    const promotion = await start(sealed([rule(1, 'platform')]));
    const asked = await promotion.waitsFor('1 approval (platform)');
    expect(asked.approving).toMatchObject({ mustSign: true, expiresMs: 3_600_000 });
    expect(await promotion.decide('approve', 'irina', { group: 'platform' })).toMatchObject({
      accepted: true,
    });
    const { state, change, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence).toMatchObject([
      { kind: 'approval', by: 'irina', verdict: 'approved', proof: 'ssh' },
      { kind: 'wait', name: 'freeze' },
    ]);
    expect(change?.live?.evidence).toEqual(evidence);
  });

  it('are shown and recorded when they do not count, and the wait goes on', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    await promotion.waitsFor('1 approval');
    const decisionId = 'decision-1';
    expect(await promotion.decide('approve', 'mallory', { decisionId })).toMatchObject({ accepted: true });
    const denied = await promotion.until('the denial', ({ denials = [] }) => denials.length > 0);
    expect(denied.denials).toEqual([{ by: 'mallory', why: 'its key is revoked', decisionId }]);
    expect(denied.report).toContain('not counted: mallory, its key is revoked');
    expect(denied).toMatchObject({ approvals: [], claims: 0, state: 'waiting' });
    await promotion.decide('approve', 'irina');
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence).toMatchObject([
      { by: 'mallory', verdict: 'fail', note: 'its key is revoked' },
      { by: 'irina', verdict: 'approved' },
      { name: 'freeze', verdict: 'pass' },
    ]);
  });

  it('do not count when no worker can look at them', async () => {
    const plan = sealed([rule(1, null)]);
    breakActivity(harness.world, plan.name, 'verifyApproval', 'refuse');
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    await promotion.decide('approve', 'irina');
    const { denials } = await promotion.until('the denial', ({ denials: all = [] }) => all.length > 0);
    expect(denials).toMatchObject([{ by: 'irina' }]);
    await promotion.decide('approve', 'oleg');
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('count no more once somebody has rejected, also when nobody has looked at either yet', async () => {
    const promotion = await start(sealed([rule(1, null)]));
    await promotion.waitsFor('1 approval');
    await promotion.handle.signal('reject', givenDecision('olga'));
    // it may have ended by now, and then the server itself takes nothing
    await promotion.handle.signal('approve', givenDecision('irina')).catch(() => undefined);
    const { state, failure, change } = await promotion.end();
    expect({ state, what: failure?.what, change }).toEqual({
      ...{ state: 'failed', what: 'rejected by olga', change: null },
    });
  });

  it('are taken once by their id, and one person counts once under whatever id', async () => {
    const promotion = await start(sealed([rule(2, null)]));
    await promotion.waitsFor('2 approvals');
    const said = givenDecision('irina');
    const again = givenDecision('irina', { ...said, decisionId: 'another' });
    for (const decision of [said, said, again]) await promotion.handle.signal('approve', decision);
    const heard = await promotion.until(
      'both ids are heard',
      ({ approvals, claims }) => approvals.length === 2 && claims === 0,
    );
    expect(heard.waitingFor).toContain('1 approval');
    await promotion.decide('approve', 'oleg');
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('come as signals, early, twice and by several at once', async () => {
    const promotion = await start(sealed([rule(2, null)]));
    for (const by of ['irina', 'irina', 'mallory', 'oleg'])
      await promotion.handle.signal('approve', givenDecision(by));
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(evidence.filter(({ verdict }) => verdict === 'approved').map(({ by }) => by)).toContain('oleg');
  });

  it('need no signature where nothing protects', async () => {
    const plan = sealed([rule(1, null)]);
    const { policy: _policy, ...open } = plan;
    const promotion = await start(open);
    const asked = await promotion.waitsFor('1 approval');
    expect(asked.approving?.mustSign).toBe(false);
    expect(asked.report).toContain('NOT PROTECTED');
    await promotion.decide('approve', 'irina');
    expect((await promotion.end()).state).toBe('succeeded');
  });
});
