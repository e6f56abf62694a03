/** What a worker writes when a release is refused: that is no error of the worker. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger, installRuntime } from '../../workers/telemetry.js';
import type { GatePlan } from '../../pipeline/plan.js';
import { givenPlan } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { startHarness, until, type Harness } from '../support/workflow-harness.js';

const written: string[] = [];
let harness: Harness;

beforeAll(async () => {
  const logger = createLogger('info', (line) => {
    written.push(line);
    return '';
  });
  installRuntime(logger, null);
  harness = await startHarness();
});
afterAll(() => harness.close());

it('a red gate is a line without a stack trace', async () => {
  const gates: GatePlan[] = [{ kind: 'merged-into', name: 'red', timeoutMs: 1000, branches: ['main'] }];
  const promotion = await PromotionScene.start(harness, givenPromotion(givenPlan({ gates }), 1));
  expect(await promotion.end()).toMatchObject({ state: 'failed', refused: true });
  const line = await until('it is written', () => written.find((each) => each.includes('gate red says no')));
  expect(JSON.parse(line)).toMatchObject({ level: 30, workflowId: promotion.handle.workflowId });
  expect(line).not.toContain('stack');
});
