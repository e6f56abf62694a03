/**
 * A promotion stopped where it waits or its change runs: by cancelling it, by cancelling its release, by terminating
 * it. What was there before is there again, and nobody waits for anything any more.
 */
import { describe, expect, it, vi } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { olderThan } from '../support/environment-scene.js';
import { givenDecision } from '../support/given.js';
import { PromotionScene } from '../support/promotion-scene.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness } from '../support/workflow-harness.js';
import { judgeRelease } from './judge-release.js';
import { ONE_APPROVAL, ReleaseCase, SETTINGS } from './matrix-of-releases.js';

const NEVER = 'never';
const HOUR_MS = 3_600_000;

// For a machine that may be busy.
vi.setConfig({ testTimeout: 300_000 });
const opensAt = ({ zone }: { zone: string }): string | null =>
  zone === NEVER ? new Date(Date.now() + HOUR_MS).toISOString() : null;
const harness = useHarness(() => startHarness({ ancestors: olderThan, opensAt }));

interface Wait {
  name: string;
  plan?: Partial<EnvironmentPlan>;
  prepare?: (place: ReleaseCase['places'][number]) => Promise<void> | void;
  reached: (place: ReleaseCase['places'][number], promotion: PromotionScene) => Promise<unknown>;
}

const WAITS: Wait[] = [
  {
    name: 'for approvals',
    plan: { approvals: [ONE_APPROVAL] },
    reached: (_, promotion) => promotion.waitsFor('1 approval'),
  },
  {
    name: 'for its wait timer',
    plan: { waitMs: HOUR_MS },
    reached: (_, promotion) => promotion.waitsFor('the wait timer'),
  },
  {
    name: 'for its window',
    plan: { window: { days: 'Mon-Sun', hours: '00:00-24:00', zone: NEVER } },
    reached: (_, promotion) => promotion.waitsFor('the window'),
  },
  {
    name: 'in the queue',
    prepare: ({ environment }) => environment.send('freeze', givenDecision('irina')),
    reached: ({ environment }) => environment.until('it is queued', ({ queue }) => queue.length === 1),
  },
  {
    name: 'while its change deploys',
    prepare: ({ scene }) => scene.break('deploy', 'hang-during'),
    reached: ({ scene }) => scene.arrived('deploy'),
  },
  {
    name: 'when its change has switched',
    prepare: ({ scene }) => scene.break('switchTraffic', 'hang-after', { to: 'green' }),
    reached: ({ scene }) => scene.arrived('switchTraffic'),
  },
];

const STOPS = {
  'its release cancelled': { stop: (run: ReleaseCase) => run.handle.cancel(), ends: 'aborted' },
  cancelled: { stop: (run: ReleaseCase) => run.handleOf('prod').cancel(), ends: 'aborted' },
  terminated: { stop: (run: ReleaseCase) => run.handleOf('prod').terminate('a person'), ends: 'failed' },
} as const;

describe.each(Object.entries(STOPS))('%s', (_, { stop, ends }) => {
  it.concurrent.each(WAITS)('$name', async ({ plan, prepare, reached }) => {
    const [setting] = SETTINGS;
    if (setting === undefined) throw new Error('there is no setting');
    const run = new ReleaseCase(harness, setting, (given) => ({ ...given, ...plan }));
    const [prod] = run.places;
    if (prod === undefined) throw new Error('the setting has no environment');
    await run.prepare();
    await prepare?.(prod);
    await run.begin();
    // A query before its start would not find it.
    await prod.environment.until('the promotion is on its way', ({ announced }) =>
      announced.some(({ workflowId }) => workflowId === run.idOf('prod')),
    );
    await reached(prod, PromotionScene.of(harness, run.idOf('prod')));
    await stop(run);
    expect(await judgeRelease(run)).toEqual({ state: ends, served: { prod: 'old' }, wrong: [] });
  });
});
