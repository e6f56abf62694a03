/** Freezes: a promotion waits until they are over, on the server that skips time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentPlan, FreezePlan } from '../../pipeline/plan.js';
import { givenPlan } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { hoursOf, startSkippingHarness } from '../support/time-skipping.js';
import { quiet, type Harness } from '../support/workflow-harness.js';

const HOUR_MS = 3_600_000;
const WHY = '2026-12-24 to 2027-01-02 Europe/Berlin (holidays), by the policy';
const FREEZE: FreezePlan = {
  from: '2026-12-23T23:00:00.000Z',
  until: '2027-01-02T23:00:00.000Z',
  text: '2026-12-24 to 2027-01-02 Europe/Berlin',
  reason: 'holidays',
  by: 'policy',
};
/** What the worker answers, one after the other; null = open. */
const frozen: ({ until: string; why: string } | null)[] = [];
const openings: (string | null)[] = [];
/** Which of the two clocks was looked at, in turn. */
const asked: string[] = [];

let harness: Harness;
beforeEach(async () => {
  quiet();
  for (const list of [frozen, openings, asked]) list.length = 0;
  harness = await startSkippingHarness({
    frozen: () => {
      asked.push('freeze');
      return frozen.shift() ?? null;
    },
    opensAt: () => {
      asked.push('window');
      return openings.shift() ?? null;
    },
  });
});
afterEach(() => harness.close());

const soon = (hours: number): string => new Date(Date.now() + hours * HOUR_MS).toISOString();
const start = (plan: EnvironmentPlan): Promise<PromotionScene> =>
  PromotionScene.start(harness, givenPromotion(plan, 1));

describe('a promotion into a frozen environment', () => {
  it('says why and until when, and goes on when it is over', async () => {
    frozen.push(...Array.from({ length: 3 }, () => ({ until: soon(13), why: WHY })));
    const promotion = await start(givenPlan({ freeze: [FREEZE] }));
    const { report, waitEnds } = await promotion.waitsFor('the end of a freeze');
    expect(report).toContain('by the policy');
    expect(waitEnds).not.toBeNull();
    const end = await promotion.end();
    expect(end).toMatchObject({ state: 'succeeded' });
    expect(end.evidence).toMatchObject([{ kind: 'wait', name: 'freeze', verdict: 'pass' }]);
    // six hours, six hours, one hour: it may be lifted meanwhile
    expect(Math.floor(await hoursOf(promotion.handle))).toBe(13);
  });

  it('goes on as soon as the policy lifts it', async () => {
    frozen.push({ until: soon(1000), why: WHY }, null);
    const promotion = await start(givenPlan({ freeze: [FREEZE] }));
    expect((await promotion.end()).state).toBe('succeeded');
    expect(await hoursOf(promotion.handle)).toBeLessThan(7);
  });

  it('looks at its window again, which may have closed meanwhile', async () => {
    frozen.push({ until: soon(1), why: WHY }, null, null);
    openings.push(null, soon(10), null);
    const window = { days: 'Mon-Thu', hours: '09:00-17:00', zone: 'UTC' };
    const promotion = await start(givenPlan({ freeze: [FREEZE], window }));
    const end = await promotion.end();
    expect(asked).toEqual(['window', 'freeze', 'freeze', 'window', 'window', 'freeze']);
    expect(end.evidence.map(({ name }) => name)).toEqual(['window', 'freeze']);
  });

  it('is asked about where only a policy may freeze it, and not without', async () => {
    frozen.push({ until: soon(1), why: WHY });
    const protectedOne = await start(givenPlan({ policy: { rules: [] } }));
    expect((await protectedOne.end()).state).toBe('succeeded');
    expect(asked).toEqual(['freeze', 'freeze']);
    asked.length = 0;
    expect((await (await start(givenPlan())).end()).state).toBe('succeeded');
    expect(asked).toEqual([]);
  });

  it('may be aborted while it waits', async () => {
    frozen.push({ until: soon(1000), why: WHY });
    const promotion = await start(givenPlan({ freeze: [FREEZE] }));
    await promotion.waitsFor('the end of a freeze');
    await promotion.decide('abort', 'irina');
    expect(await promotion.end()).toMatchObject({ state: 'aborted', clean: true, change: null });
  });
});
