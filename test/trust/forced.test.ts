/** Gates that say no and are forced: what goes on, what is refused, and the mark that stays wherever the release is. */
import { describe, expect, it } from 'vitest';
import type { GatePlan } from '../../pipeline/plan.js';
import type { Force, PromotionRequest } from '../../workflows/messages.js';
import { ATTRIBUTE } from '../../workflows/search-attributes.js';
import { EnvironmentScene } from '../support/environment-scene.js';
import { breakActivity } from '../support/fake-world.js';
import { givenForce } from '../support/forces.js';
import { givenGate, givenPlan, givenRule } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { ReleasePipeline, startReleaseHarness, type Plans } from '../support/release-scene.js';
import { useHarness } from '../support/use-harness.js';

const plans: Plans = new Map();
const denies = (by: string): string | null => (by === 'mallory' ? 'its key is revoked' : null);
const harness = useHarness(() => startReleaseHarness(plans, { denies }));

const gate = (name: string): GatePlan => givenGate(name, 'make scan');

const MARK = {
  gate: 'red',
  by: 'irina@example.com',
  reason: 'no fix is out yet',
  ticket: 'OPS-412',
};
const LINE = 'FORCED red by irina@example.com: no fix is out yet (OPS-412)';

/** Is the run found by a search for what was forced? */
async function isMarked(workflowId: string): Promise<boolean> {
  const { typedSearchAttributes } = await harness.client.workflow.getHandle(workflowId).describe();
  return typedSearchAttributes.get(ATTRIBUTE.forced) === true;
}

async function promote(gates: string[], changes: Partial<PromotionRequest> = {}): Promise<PromotionScene> {
  const plan = givenPlan({ gates: gates.map(gate) });
  return await PromotionScene.start(harness, givenPromotion(plan, 1, changes));
}

describe('a gate of an environment', () => {
  it.each(['red', 'crashed'])('that says no (%s) is passed where somebody forces it', async (name) => {
    const promotion = await promote([name], { forces: [givenForce(name)] });
    const result = await promotion.end();
    expect(result).toMatchObject({ state: 'succeeded', forced: [{ ...MARK, gate: name }] });
    const verdict = name === 'red' ? 'fail' : 'error';
    expect(result.evidence).toMatchObject([
      { kind: 'gate', name, verdict },
      { kind: 'gate', name, verdict: 'forced', by: MARK.by, note: MARK.reason, ticket: MARK.ticket },
    ]);
    expect(result.change?.live?.evidence).toEqual(result.evidence);
    const { report, forced, steps } = await promotion.status();
    expect(report).toContain(`> ⚠ ${LINE.replace('red', name)}`);
    expect(forced).toEqual([{ ...MARK, gate: name }]);
    expect(steps.find((step) => step.name === name)?.note).toMatch(/^FORCED by irina@example\.com; it said /);
    expect(await isMarked(promotion.handle.workflowId)).toBe(true);
  });

  it('that passes is not forced, whatever was signed', async () => {
    const promotion = await promote(['tests'], { forces: [givenForce('tests')] });
    const result = await promotion.end();
    expect(result.forced).toBeUndefined();
    expect(result.evidence).toMatchObject([{ name: 'tests', verdict: 'pass' }]);
    expect(await isMarked(promotion.handle.workflowId)).toBe(false);
  });

  it('stays red where the force is for another gate', async () => {
    const promotion = await promote(['red'], { forces: [givenForce('crashed')] });
    const result = await promotion.end();
    expect(result).toMatchObject({
      state: 'failed',
      refused: true,
      failure: { what: 'gate red says no: 2 findings', why: null },
    });
    expect(result.evidence).toMatchObject([{ name: 'red', verdict: 'fail' }]);
  });

  it('says who may force it, where the plan lets somebody', async () => {
    const plan = givenPlan({ gates: [gate('red')], force: { group: 'leads', gates: ['red'] } });
    const result = await (await PromotionScene.start(harness, givenPromotion(plan, 1))).end();
    const { version } = givenPromotion(plan, 1);
    expect(result.failure?.wayOut).toMatch(/^mend it, .*, or somebody of leads forces it: /);
    expect(result.failure?.wayOut).toContain(
      `: slipway release ${version} --to ${plan.name} --force red --ticket TICKET --reason "WHY"`,
    );
  });

  it('says what helps a force that does not count', async () => {
    const plan = givenPlan({ gates: [gate('red')], force: { group: 'leads', gates: ['red'] } });
    breakActivity(harness.world, plan.name, 'verifyForce', 'refuse');
    const request = givenPromotion(plan, 1, { forces: [givenForce('red')] });
    const { failure } = await (await PromotionScene.start(harness, request)).end();
    expect(failure?.wayOut).toMatch(/^mend it, .*, or /);
    expect(failure?.wayOut).not.toContain('--force');
  });

  it('stays red where the force does not count, and says why', async () => {
    const promotion = await promote(['red'], { forces: [givenForce('red', { by: 'mallory' })] });
    const result = await promotion.end();
    expect(result).toMatchObject({
      state: 'failed',
      failure: { why: 'it is not forced: its key is revoked' },
    });
    expect(result.forced).toBeUndefined();
    expect(result.evidence).toMatchObject([
      { verdict: 'fail', note: '2 findings' },
      { verdict: 'fail', by: 'mallory', note: 'not forced: its key is revoked' },
    ]);
    const { denials, report } = await promotion.status();
    const denial = {
      by: 'mallory',
      why: 'its key is revoked',
      decisionId: 'force red',
      decision: 'force of red',
    };
    expect(denials).toMatchObject([denial]);
    expect(report).toContain('not counted: force of red by mallory: its key is revoked');
    expect(await isMarked(promotion.handle.workflowId)).toBe(false);
  });

  it('is forced by the one who may, where another may not', async () => {
    const forces = [givenForce('red', { by: 'mallory' }), givenForce('red')];
    const result = await (await promote(['red'], { forces })).end();
    expect(result).toMatchObject({ state: 'succeeded', forced: [MARK] });
    expect(result.evidence).toHaveLength(3);
  });

  it('stays red when no worker can look at the force', async () => {
    const plan = givenPlan({ gates: [gate('red')] });
    breakActivity(harness.world, plan.name, 'verifyForce', 'refuse');
    const request = givenPromotion(plan, 1, { forces: [givenForce('red')] });
    const result = await (await PromotionScene.start(harness, request)).end();
    expect(result).toMatchObject({ state: 'failed', refused: true });
    expect(result.failure?.why).toMatch(/^it is not forced: /);
  });

  it.each<[string, unknown]>([
    ['text', 'all of them'],
    ['null', null],
    ['a list of nothing', [null, 7, {}, { gate: 'red' }, { gate: 'red', statement: { scheme: 'ssh' } }]],
  ])('stays red where what came as forces is %s', async (_what, forces) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever starts a run by hand writes anything
    const promotion = await promote(['red'], { forces: forces as Force[] });
    expect(await promotion.end()).toMatchObject({ state: 'failed', refused: true });
    expect((await promotion.status()).denials?.[0]?.why).toBe('a force of the request is malformed');
  });

  it('is approved by nobody who forced it', async () => {
    const approvals = [givenRule(1)];
    const plan = givenPlan({ gates: [gate('red')], approvals });
    const request = givenPromotion(plan, 1, { forces: [givenForce('red')] });
    const promotion = await PromotionScene.start(harness, request);
    await promotion.waitsFor('1 approval');
    expect(await promotion.decide('approve', 'Irina@example.com')).toMatchObject({
      accepted: false,
      refused: expect.stringMatching(/forced a gate of this release and may not approve it/) as unknown,
    });
    expect(await promotion.decide('approve', 'oleg')).toMatchObject({ accepted: true });
    expect((await promotion.end()).state).toBe('succeeded');
  });
});

describe('a gate of the release', () => {
  it('is forced, and every promotion, environment and change says so', async () => {
    const shop = new ReleasePipeline(harness, plans);
    const prod = shop.environment('prod');
    const release = await shop.release(1, [prod], { gates: [gate('red')] }, [givenForce('red')]);
    const result = await release.end();
    expect(result).toMatchObject({
      state: 'succeeded',
      forced: [MARK],
      artifacts: [{ forced: [MARK] }],
      promotions: [{ forced: [MARK] }],
      evidence: [{ verdict: 'fail' }, { verdict: 'forced' }],
    });
    expect(await release.status()).toMatchObject({
      forced: [MARK],
      report: expect.stringContaining(LINE) as unknown,
    });
    const promotion = await release.promotion('prod');
    expect(await promotion.status()).toMatchObject({
      forced: [MARK],
      report: expect.stringContaining(LINE) as unknown,
    });
    const environment = shop.scene(prod);
    expect(await isMarked(release.handle.workflowId)).toBe(true);
    expect(await isMarked(promotion.handle.workflowId)).toBe(true);
    expect(await isMarked(environment.id)).toBe(true);
    expect(await memoOf(environment.id)).toContain(LINE);
  });

  it('stays red, builds nothing, and says why', async () => {
    const shop = new ReleasePipeline(harness, plans);
    const forces = [givenForce('red', { by: 'mallory' })];
    const release = await shop.release(1, [shop.environment('prod')], { gates: [gate('red')] }, forces);
    const result = await release.end();
    expect(result).toMatchObject({
      state: 'failed',
      failure: { what: 'gate red says no: 2 findings', why: 'it is not forced: its key is revoked' },
      evidence: [{ verdict: 'fail' }, { verdict: 'fail', by: 'mallory' }],
    });
    expect(shop.calls('buildArtifacts')).toBe(0);
    expect((await release.status()).denials).toMatchObject([{ by: 'mallory' }]);
  });

  it('marks the release when a promotion’s gate was forced', async () => {
    const shop = new ReleasePipeline(harness, plans);
    const prod = shop.environment('prod', { gates: [gate('red')] });
    const release = await shop.release(1, [prod], {}, [givenForce('red')]);
    expect(await release.end()).toMatchObject({ state: 'succeeded', forced: [MARK] });
    expect(await isMarked(release.handle.workflowId)).toBe(true);
  });
});

describe('the mark', () => {
  it('goes with the release: not to the one after it, and back with a rollback', async () => {
    const prod = new EnvironmentScene(harness, givenPlan());
    const { name, pipeline } = prod.plan;
    const forced = await promoteTo(prod, 1, true);
    expect(forced.state).toBe('succeeded');
    expect(await memoOf(prod.id)).toContain(LINE);
    expect((await promoteTo(prod, 2, false)).forced).toBeUndefined();
    const clean = await memoOf(prod.id);
    expect(clean).not.toContain('⚠ FORCED');
    expect(clean).toContain('good      v2 v1 (forced)');
    expect(await isMarked(prod.id)).toBe(false);
    const { state } = await prod.ended(await prod.rollback());
    expect(state).toBe('succeeded');
    expect(await memoOf(prod.id)).toContain(LINE);
    expect(await isMarked(prod.id)).toBe(true);
    const lane = harness.client.workflow.getHandle(`lane/${pipeline}/${name}`);
    const { typedSearchAttributes, memo } = await lane.describe();
    expect(typedSearchAttributes.get(ATTRIBUTE.forced)).toBe(true);
    expect(String(memo?.['report'])).toContain(LINE);
  });
});

async function promoteTo(prod: EnvironmentScene, number: number, isForced: boolean) {
  const plan = { ...prod.plan, gates: [gate(isForced ? 'red' : 'tests')] };
  const forces = isForced ? { forces: [givenForce('red')] } : {};
  const promotion = await PromotionScene.start(harness, givenPromotion(plan, number, forces));
  return await promotion.end();
}

async function memoOf(workflowId: string): Promise<string> {
  const { memo } = await harness.client.workflow.getHandle(workflowId).describe();
  return String(memo?.['report']);
}
