/** Approvals given on GitHub: those that are there already make nobody wait, the others are waited for. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ApprovalRule, EnvironmentPlan } from '../../pipeline/plan.js';
import type { EvidenceItem } from '../../workflows/result.js';
import type { FakeReviewOnGithub } from '../support/fake-reviews.js';
import { breakActivity } from '../support/fake-world.js';
import { givenPlan, givenRule, SIGNED } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness } from '../support/workflow-harness.js';

/** By the environment they are about. */
const said = new Map<string, FakeReviewOnGithub[]>();

const harness = useHarness(() => startHarness({ reviews: (environment) => said.get(environment) ?? [] }));

const reviewOf = (of: string, count = 1, overrides: Partial<ApprovalRule> = {}): ApprovalRule =>
  givenRule(count, null, { by: 'github-review', of, ...overrides });

function sealed(approvals: ApprovalRule[], ...reviews: FakeReviewOnGithub[]): EnvironmentPlan {
  const name = `prod-${randomUUID().slice(0, 8)}`;
  said.set(name, reviews);
  const seal = { statement: '{}', keyId: 'k', signature: 's' };
  return givenPlan({ name, approvals, seal, policy: { rules: [] } });
}

const start = (plan: EnvironmentPlan): Promise<PromotionScene> =>
  PromotionScene.start(harness, givenPromotion(plan, 1));

async function scheduled({ handle }: PromotionScene, activity: string): Promise<number> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: each }) => each?.activityType?.name === activity,
  ).length;
}

const approvalsIn = (evidence: EvidenceItem[]): EvidenceItem[] =>
  evidence.filter(({ kind }) => kind === 'approval');

/** What its timers say they wait for. */
async function waits({ handle }: PromotionScene): Promise<string> {
  const { events } = await handle.fetchHistory();
  return (events ?? [])
    .map(({ userMetadata }) => Buffer.from(userMetadata?.summary?.data ?? []).toString())
    .filter((summary) => summary.includes('waits for'))
    .join('\n');
}

describe('reviews on GitHub', () => {
  it('that were given already make nobody wait', async () => {
    const rules = [reviewOf('dev'), reviewOf('stage')];
    const plan = sealed(rules, { by: 'bob', of: 'dev' }, { by: 'carol', of: 'stage' });
    const promotion = await start(plan);
    const { state, evidence, change } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(approvalsIn(evidence)).toMatchObject([
      { by: 'bob', proof: 'github-review', of: 'dev' },
      { by: 'carol', proof: 'github-review', of: 'stage' },
    ]);
    expect(change?.live?.evidence).toEqual(evidence);
    expect(await waits(promotion)).not.toContain('review');
  });

  it('that come later are waited for, without a longer history, and shown', async () => {
    const plan = sealed([reviewOf('main', 2)], { by: 'bob', of: 'main' });
    const promotion = await start(plan);
    const asked = await promotion.waitsFor('1 review of main');
    expect(asked.report).toContain('**approved** bob (review of main)');
    expect(asked.onGithub).toEqual(['main: approved by bob']);
    expect(asked.approving?.onGithub).toMatch(/review the pull request into main/);
    const tried = (): number => harness.world.glance().environments[plan.name]?.calls.length ?? 0;
    const before = tried();
    await promotion.until('GitHub was asked again and again', () => tried() > before + 3);
    expect(await scheduled(promotion, 'findGithubApprovals')).toBe(2);
    said.set(plan.name, [
      { by: 'bob', of: 'main' },
      { by: 'carol', of: 'main' },
    ]);
    const { state, evidence } = await promotion.end();
    expect(state).toBe('succeeded');
    expect(await waits(promotion)).toContain('waits for 1 review of main');
    expect(approvalsIn(evidence).map(({ by }) => by)).toEqual(['bob', 'carol']);
  });

  it('count one person once, wherever that seat helps', async () => {
    const plan = sealed(
      [reviewOf('dev'), reviewOf('stage')],
      { by: 'bob', of: 'dev' },
      { by: 'bob', of: 'stage' },
    );
    const promotion = await start(plan);
    await promotion.waitsFor('1 review of stage');
    said.get(plan.name)?.push({ by: 'carol', of: 'dev' });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('and signed approvals fill their own rules only', async () => {
    const plan = sealed([reviewOf('main'), givenRule(1, 'release', { by: 'ssh' })]);
    const promotion = await start(plan);
    await promotion.waitsFor('1 review of main, 1 approval (release)');
    const signed = { group: 'release', statement: SIGNED };
    expect(await promotion.decide('approve', 'irina', signed)).toMatchObject({ accepted: true });
    const left = await promotion.until(
      'only the review is missing',
      ({ waitingFor }) => waitingFor === '1 review of main',
    );
    expect(left.approvals).toMatchObject([{ by: 'irina', proof: 'ssh' }]);
    const { refused } = await promotion.decide('approve', 'oleg');
    expect(refused).toMatch(/only 1 review of main is missing, which is given on GitHub/);
    said.get(plan.name)?.push({ by: 'bob', of: 'main' });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('stop being asked for when only people here are missing', async () => {
    const plan = sealed([reviewOf('main'), givenRule(1, null, { by: 'ssh' })], { by: 'bob', of: 'main' });
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval (anybody)');
    expect(await scheduled(promotion, 'findGithubApprovals')).toBe(1);
    expect((await promotion.decide('approve', 'bob')).refused).toMatch(/has approved on GitHub already/);
    await promotion.decide('approve', 'irina', { statement: SIGNED });
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it('expire as every approval does', async () => {
    const promotion = await start(sealed([reviewOf('main', 1, { expiresMs: 300 })]));
    const { state, failure } = await promotion.end();
    expect(state).toBe('failed');
    expect(failure?.what).toBe('nobody gave the missing 1 review of main in time');
  });

  it('are still heard after a pause', async () => {
    const plan = sealed([reviewOf('main')]);
    const promotion = await start(plan);
    await promotion.waitsFor('1 review of main');
    await promotion.decide('pause', 'irina');
    said.get(plan.name)?.push({ by: 'bob', of: 'main' });
    await promotion.waitsFor('resume');
    await promotion.decide('resume', 'irina');
    expect((await promotion.end()).state).toBe('succeeded');
  });

  it.each(['abort', 'reject'] as const)('are no longer asked for after %s', async (word) => {
    const promotion = await start(sealed([reviewOf('main')]));
    await promotion.waitsFor('1 review of main');
    await promotion.decide(word, 'irina');
    expect((await promotion.end()).change).toBeNull();
    expect((await promotion.handle.describe()).raw.pendingActivities ?? []).toEqual([]);
  });

  it('of a GitHub environment may reject', async () => {
    const rule = givenRule(1, null, { by: 'github-environment', of: 'production' });
    const plan = sealed([rule]);
    const promotion = await start(plan);
    await promotion.waitsFor('1 review of GitHub environment production');
    said.get(plan.name)?.push({ by: 'carol', of: 'production', rejects: true });
    const { state, failure, evidence } = await promotion.end();
    expect(state).toBe('failed');
    expect(failure?.what).toBe('rejected by carol on GitHub');
    expect(evidence).toMatchObject([{ kind: 'approval', verdict: 'fail', by: 'carol' }]);
  });

  it('that were rejected before anybody waited end it too', async () => {
    const rule = givenRule(1, null, { by: 'github-environment', of: 'production' });
    const plan = sealed([rule], { by: 'carol', of: 'production', rejects: true });
    expect((await (await start(plan)).end()).failure?.what).toBe('rejected by carol on GitHub');
  });
});

describe('a GitHub', () => {
  it('that refuses to say ends it at once, with the way out', async () => {
    const plan = sealed([reviewOf('main')]);
    breakActivity(harness.world, plan.name, 'findGithubApprovals', 'refuse');
    const { state, failure } = await (await start(plan)).end();
    expect(state).toBe('failed');
    expect(failure).toMatchObject({ what: 'findGithubApprovals was refused', wayOut: 'mend it' });
  });

  it('that is away is asked again', async () => {
    const plan = sealed([reviewOf('main')], { by: 'bob', of: 'main' });
    breakActivity(harness.world, plan.name, 'findGithubApprovals', 'unreachable', { times: 1 });
    expect((await (await start(plan)).end()).state).toBe('succeeded');
  });
});
