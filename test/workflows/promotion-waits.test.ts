/** Waits of minutes, hours and days, on the server that skips time. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { EnvironmentScene } from '../support/environment-scene.js';
import { breakActivity } from '../support/fake-world.js';
import { givenDecision, givenPlan, givenRule } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { GATE } from '../support/sealed.js';
import { hoursOf, startSkippingHarness } from '../support/time-skipping.js';
import { quiet, type Harness } from '../support/workflow-harness.js';

const HOUR_MS = 3_600_000;
const openings: (string | null)[] = [];

let harness: Harness;
// One each: at the end of a test this server may jump years ahead, to when idle environments would time out.
beforeEach(async () => {
  quiet();
  harness = await startSkippingHarness({ opensAt: () => openings.shift() ?? null });
});
afterEach(() => harness.close());

async function start(plan: EnvironmentPlan): Promise<PromotionScene> {
  return await PromotionScene.start(harness, givenPromotion(plan, 1));
}

describe('a promotion that waits', () => {
  it('rejects itself when its approvals do not come in time', async () => {
    const rule = givenRule(2, null, { expiresMs: 72 * HOUR_MS });
    const promotion = await start(givenPlan({ approvals: [rule] }));
    await promotion.waitsFor('2 approvals');
    await promotion.decide('approve', 'oleg');
    const end = await promotion.end();
    expect(end).toMatchObject({ red: true, state: 'failed', refused: true, clean: true });
    expect(end.failure?.what).toBe('nobody gave the missing 1 approval (anybody) in time');
    expect(Math.round(await hoursOf(promotion.handle))).toBe(72);
  });

  it('is still announced when a gate of its own has looked at its environment', async () => {
    const rule = givenRule(1);
    const plan = givenPlan({ approvals: [rule] });
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    const { workflowId } = promotion.handle;
    const gate = new MockActivityEnvironment({ workflowExecution: { workflowId, runId: 'any' } });
    const question = { pipeline: plan.pipeline, environment: plan.name, requestId: null };
    await gate.run(() => harness.activities.askEnvironment(question));
    const { announced } = await new EnvironmentScene(harness, plan).status();
    expect(announced.map((each) => each.workflowId)).toEqual([workflowId]);
  });

  it('sits out its wait timer', async () => {
    const promotion = await start(givenPlan({ waitMs: 5 * HOUR_MS }));
    expect((await promotion.end()).state).toBe('succeeded');
    expect(Math.floor(await hoursOf(promotion.handle))).toBe(5);
  });

  it('waits for its window to open, and asks again when it gets there', async () => {
    const soon = (hours: number): string => new Date(Date.now() + hours * HOUR_MS).toISOString();
    // Far enough beyond what the other tests have skipped.
    openings.push(soon(1000), soon(1001));
    const window = { days: 'Mon-Thu', hours: '09:00-17:00', zone: 'Europe/Moscow' };
    const promotion = await start(givenPlan({ window }));
    const end = await promotion.end();
    expect(end.evidence).toMatchObject([
      { kind: 'wait', name: 'window', note: 'Mon-Thu 09:00-17:00 Europe/Moscow' },
    ]);
    expect(openings).toEqual([]);
    expect(await hoursOf(promotion.handle)).toBeGreaterThan(500);
  });

  it('asks its gates again, and waits again, when their words have grown old meanwhile', async () => {
    const inDays = (days: number): string => new Date(Date.now() + days * 24 * HOUR_MS).toISOString();
    const window = { days: 'Mon-Thu', hours: '09:00-17:00', zone: 'UTC' };
    const plan = givenPlan({ gates: [GATE], waitMs: HOUR_MS, window });
    const names = async (evidenceWithinMs: number | undefined): Promise<string[]> => {
      openings.push(inDays(4), null);
      const promotion = await start({
        ...plan,
        ...(evidenceWithinMs === undefined ? {} : { evidenceWithinMs }),
      });
      const end = await promotion.end();
      expect(end.state).toBe('succeeded');
      const asked = end.evidence.filter(({ name }) => name === 'ci').length;
      const { steps } = await promotion.status();
      const note = steps.find(({ name }) => name === 'ci')?.note ?? '';
      expect(note.endsWith(', asked again')).toBe(asked > 1);
      return end.evidence.map(({ name }) => name);
    };
    expect(await names(7 * 24 * HOUR_MS)).toEqual(['ci', 'wait timer', 'ci', 'wait timer', 'window']);
    expect(await names(9 * 24 * HOUR_MS)).toEqual(['ci', 'wait timer', 'window']);
    expect(await names(undefined)).toEqual(['ci', 'wait timer', 'window']);
  });

  it('asks again when its environment was lost, and gets there all the same', async () => {
    const plan = givenPlan();
    const prod = new EnvironmentScene(harness, plan);
    await prod.send('freeze', givenDecision('irina'));
    const promotion = await start(plan);
    await prod.until('it is queued', ({ queue }) => queue.length === 1);
    await harness.client.workflow.getHandle(prod.id).terminate('lost');
    expect((await promotion.end()).state).toBe('succeeded');
    expect(prod.serving()).toBe('v1');
  });

  it.each(['refuse', 'refuse-after', 'lose-reply', 'twice'] as const)(
    'asks again when its question went wrong (%s)',
    async (fault) => {
      const plan = givenPlan();
      const prod = new EnvironmentScene(harness, plan);
      await prod.send('freeze', givenDecision('irina'));
      const promotion = await start(plan);
      breakActivity(harness.world, promotion.handle.workflowId, 'askEnvironment', fault);
      await prod.until('it is queued', ({ queue }) => queue.length === 1);
      await harness.client.workflow.getHandle(prod.id).terminate('lost');
      expect(await promotion.end()).toMatchObject({ state: 'succeeded', clean: true });
      expect(prod.serving()).toBe('v1');
      expect(prod.world().calls.filter((call) => call.startsWith('deploy'))).toHaveLength(plan.hosts.length);
    },
  );

  it('says so, red, when it was aborted and its environment has forgotten it', async () => {
    const plan = givenPlan();
    const prod = new EnvironmentScene(harness, plan);
    await prod.send('freeze', givenDecision('irina'));
    const promotion = await start(plan);
    await prod.until('it is queued', ({ queue }) => queue.length === 1);
    await harness.client.workflow.getHandle(prod.id).terminate('lost');
    await promotion.decide('abort', 'irina');
    const end = await promotion.end();
    expect(end).toMatchObject({ red: true, state: 'aborted', clean: false });
    expect(end.message).toContain('has forgotten this request');
  });
});
