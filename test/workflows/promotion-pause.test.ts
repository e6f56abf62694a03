import { expect, it } from 'vitest';
import { givenPlan } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness } from '../support/workflow-harness.js';

const openings: string[] = [];
const harness = useHarness(() => startHarness({ opensAt: () => openings.shift() ?? null }));

const soon = (): string => new Date(Date.now() + 1000).toISOString();

it('a paused promotion asks for its window again when it goes on: it may have closed', async () => {
  openings.push(soon());
  const window = { days: 'Mon-Thu', hours: '09:00-17:00', zone: 'Europe/Moscow' };
  const promotion = await PromotionScene.start(harness, givenPromotion(givenPlan({ window }), 1));
  await promotion.waitsFor('the window');
  await promotion.decide('pause', 'oleg');
  await promotion.waitsFor('resume');
  openings.push(soon());
  await promotion.decide('resume', 'oleg');
  const { state, evidence } = await promotion.end();
  expect(openings).toEqual([]);
  expect(state).toBe('succeeded');
  expect(evidence).toMatchObject([{ kind: 'wait', name: 'window', verdict: 'pass' }]);
});
