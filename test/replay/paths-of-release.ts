/** One run per path of release, promotion and environment: recorded, and must replay while such runs may be open. */
import { randomUUID } from 'node:crypto';
import type { ApprovalRule, EnvironmentPlan } from '../../pipeline/plan.js';
import { promotionId, SIGNAL } from '../../workflows/names.js';
import { EnvironmentScene, givenVersion } from '../support/environment-scene.js';
import type { FakeReviewOnGithub } from '../support/fake-reviews.js';
import { breakActivity } from '../support/fake-world.js';
import { givenForce } from '../support/forces.js';
import { givenDecision, givenGate, givenPlan, givenRule, SIGNED } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { ReleasePipeline, type Plans } from '../support/release-scene.js';
import { until, type Harness } from '../support/workflow-harness.js';
import type { Path } from './paths-of-change.js';

/** For the harness these paths run on: what resolvePlan answers. */
export const PLANS: Plans = new Map();

const oneApproval = givenRule(1, null, { expiresMs: 72 * 3_600_000 });
const oneReview: ApprovalRule = { ...oneApproval, by: 'github-review', of: 'main' };
const GITHUB = { deployments: true, statuses: true, comment: true };
const gate = givenGate();

const red = givenGate('red');

/** Everything that goes to this environment was reviewed. */
const REVIEWED = 'reviewed-on-github';
export const github = (environment: string): FakeReviewOnGithub[] =>
  environment === REVIEWED ? [{ by: 'bob', of: 'main' }] : [];

function sceneOf(
  harness: Harness,
  overrides: Partial<EnvironmentPlan> = {},
  signalLimit?: number,
): EnvironmentScene {
  return new EnvironmentScene(harness, givenPlan(overrides), signalLimit);
}

async function promote(
  harness: Harness,
  overrides: Partial<EnvironmentPlan>,
  act: (promotion: PromotionScene) => Promise<void>,
): Promise<string> {
  const promotion = await PromotionScene.start(harness, givenPromotion(givenPlan(overrides), 1));
  await act(promotion);
  return promotion.handle.workflowId;
}

/** Sent past the command; the freeze has always been shown. */
async function askUnsigned(harness: Harness): Promise<string> {
  const prod = sceneOf(harness, { may: { rollback: ['leads'], freeze: ['leads'] } });
  for (const number of [1, 2]) await prod.release(number);
  const handle = harness.client.workflow.getHandle(prod.id);
  await handle.signal('freeze', givenDecision('irina'));
  await prod.until('the freeze is shown', ({ denials = [] }) => denials.length > 0);
  await prod.ended(await prod.rollback());
  await handle.signal('reject', givenDecision('irina'));
  // it has been heard by the time of the answer, and what comes next is another task
  await prod.status();
  await prod.release(3);
  return prod.id;
}

export const PATHS_OF_RELEASE: Record<string, Path> = {
  // The history of this name is from before the announcement was answered.
  'release-through-two-environments': releaseThroughTwo,
  // The history of this name is from before the environments were told beside the build.
  'release-answered-when-announced': releaseThroughTwo,
  'release-announced-beside-the-build': releaseThroughTwo,
  'release-failed-on-stage': async (harness) => {
    const shop = new ReleasePipeline(harness, PLANS);
    const stage = shop.environment('stage');
    shop.scene(stage).break('verify', 'say-no');
    const release = await shop.release(1, [stage, shop.environment('prod', { after: ['stage'] })]);
    await release.end();
    return release.handle.workflowId;
  },
  'release-nothing-to-do': async (harness) => {
    const skipped = [{ environment: 'dev', why: 'only docs changed' }];
    const release = await new ReleasePipeline(harness, PLANS).release(1, [], { skipped });
    await release.end();
    return release.handle.workflowId;
  },
  'release-superseded-while-building': async (harness) => {
    const shop = new ReleasePipeline(harness, PLANS);
    const dev = shop.environment('dev');
    const build = shop.hold('buildArtifacts');
    const older = await shop.release(1, [dev]);
    await build.arrived();
    const newer = await shop.release(2, [dev]);
    await older.end();
    await newer.end();
    return older.handle.workflowId;
  },
  'release-aborted-while-promoting': async (harness) => {
    const shop = new ReleasePipeline(harness, PLANS);
    const release = await shop.release(1, [shop.environment('prod', { approvals: [oneApproval] })]);
    await (await release.promotion('prod')).waitsFor('1 approval');
    await release.decide('abort', 'irina');
    await release.end();
    return release.handle.workflowId;
  },
  'release-cancelled-while-promoting': async (harness) => {
    const shop = new ReleasePipeline(harness, PLANS);
    const release = await shop.release(1, [shop.environment('prod', { approvals: [oneApproval] })]);
    await (await release.promotion('prod')).waitsFor('1 approval');
    await release.handle.cancel();
    await release.end();
    return release.handle.workflowId;
  },
  'release-whose-promotion-was-terminated': (harness) => terminatePromotion(harness),
  'release-that-tells-of-a-terminated-promotion': (harness) =>
    terminatePromotion(harness, { github: GITHUB }),
  'promotion-that-nothing-froze': (harness) =>
    promote(harness, { policy: { rules: [] } }, async (promotion) => {
      await promotion.end();
    }),
  'promotion-that-tells-github': (harness) =>
    promote(harness, { github: GITHUB, approvals: [oneApproval] }, async (promotion) => {
      await promotion.waitsFor('1 approval');
      await promotion.decide('approve', 'oleg');
      await promotion.end();
    }),
  'promotion-that-github-does-not-hear': async (harness) => {
    const request = givenPromotion(givenPlan({ github: GITHUB }), 1);
    const id = promotionId(request.plan.pipeline, request.plan.name, request.requestId);
    breakActivity(harness.world, id, 'recordDeployment', 'refuse', { times: -1 });
    const promotion = await PromotionScene.start(harness, request);
    await promotion.end();
    return promotion.handle.workflowId;
  },
  'promotion-whose-request-was-refused': async (harness) => {
    const request = givenPromotion(givenPlan(), 1);
    const id = promotionId(request.plan.pipeline, request.plan.name, request.requestId);
    breakActivity(harness.world, id, 'requestChange', 'refuse-after');
    const promotion = await PromotionScene.start(harness, request);
    await promotion.end();
    return promotion.handle.workflowId;
  },
  'promotion-approved': (harness) =>
    promote(harness, { gates: [gate], approvals: [oneApproval], waitMs: 100 }, async (promotion) => {
      await promotion.waitsFor('1 approval');
      await promotion.decide('approve', 'oleg');
      await promotion.end();
    }),
  // The history of this name is from before an unsigned word was refused without asking a worker.
  'promotion-approved-without-a-signature': (harness) => {
    const seal = { statement: '{}', keyId: 'k', signature: 's' };
    const approvals = [{ ...oneApproval, count: 2, by: 'ssh' as const }];
    return promote(harness, { seal, policy: { rules: [] }, approvals }, async (promotion) => {
      await promotion.waitsFor('2 approvals');
      await promotion.decide('approve', 'oleg');
      for (const by of ['oleg', 'irina']) await promotion.decide('approve', by, { statement: SIGNED });
      await promotion.end();
    });
  },
  'release-forced': async (harness) => {
    const shop = new ReleasePipeline(harness, PLANS);
    const prod = shop.environment('prod');
    const release = await shop.release(1, [prod], { gates: [red] }, [givenForce('red')]);
    await release.end();
    return release.handle.workflowId;
  },
  'promotion-forced': async (harness) => {
    const plan = givenPlan({ gates: [red] });
    const promotion = await PromotionScene.start(
      harness,
      givenPromotion(plan, 1, { forces: [givenForce('red')] }),
    );
    await promotion.end();
    return promotion.handle.workflowId;
  },
  'promotion-waits-for-approval': (harness) =>
    promote(harness, { approvals: [oneApproval] }, async (promotion) => {
      await promotion.waitsFor('1 approval');
    }),
  'promotion-through-its-window': (harness) =>
    promote(
      harness,
      { window: { days: 'Mon-Sun', hours: '00:00-24:00', zone: 'UTC' } },
      async (promotion) => {
        await promotion.end();
      },
    ),
  // The history of this name is from before a pause was a timer.
  'promotion-paused-and-resumed': pauseAndResume,
  'promotion-paused-on-a-timer': pauseAndResume,
  'promotion-reviewed-on-github': (harness) =>
    promote(harness, { name: REVIEWED, approvals: [oneReview] }, async (promotion) => {
      await promotion.end();
    }),
  'promotion-waits-for-a-review': (harness) =>
    promote(harness, { approvals: [oneReview, oneApproval] }, async (promotion) => {
      await promotion.waitsFor('1 review of main, 1 approval');
      await promotion.decide('approve', 'oleg');
      await promotion.until(
        'the review alone is missing',
        ({ waitingFor }) => waitingFor === '1 review of main',
      );
      await promotion.decide('reject', 'irina');
      await promotion.end();
    }),
  'promotion-rejected': (harness) =>
    promote(harness, { approvals: [oneApproval] }, async (promotion) => {
      await promotion.waitsFor('1 approval');
      await promotion.decide('reject', 'irina');
      await promotion.end();
    }),
  'promotion-cancelled': (harness) =>
    promote(harness, { approvals: [oneApproval] }, async (promotion) => {
      await promotion.waitsFor('1 approval');
      await promotion.handle.cancel();
      await promotion.end();
    }),
  'promotion-refused': (harness) =>
    promote(harness, { after: [`never-${randomUUID().slice(0, 8)}`] }, async (promotion) => {
      await promotion.end();
    }),
  // The history of this name is from before a promotion that waits for nothing went straight to the queue.
  'promotion-aborted-in-flight': abortInFlight,
  'promotion-straight-to-the-queue': abortInFlight,
  'environment-released-and-rolled-back': async (harness) => {
    const prod = sceneOf(harness);
    await prod.release(1);
    await prod.release(2);
    await prod.ended(await prod.rollback());
    await prod.ended(await prod.rollback('v9'));
    return prod.id;
  },
  'environment-that-tells-of-a-rollback': async (harness) => {
    const prod = sceneOf(harness, { github: GITHUB });
    await prod.release(1);
    await prod.release(2);
    await prod.ended(await prod.rollback());
    await prod.release(3);
    return prod.id;
  },
  'environment-retired-the-warm-colour': async (harness) => {
    const prod = sceneOf(harness, { keepWarmMs: 1 });
    await prod.release(1);
    await prod.release(2);
    await prod.until('nothing is warm', ({ warm, inFlight }) => warm === null && inFlight === null);
    return prod.id;
  },
  'environment-frozen-and-opened': async (harness) => {
    const prod = sceneOf(harness);
    await prod.send('freeze', givenDecision('irina'));
    const { requestId } = await prod.ask(givenVersion(prod.plan, 1));
    const withdrawn = await prod.ask(givenVersion(prod.plan, 2));
    await prod.send(SIGNAL.withdraw, { requestId: withdrawn.requestId, decision: null });
    await prod.decide('unfreeze');
    await prod.ended(requestId);
    return prod.id;
  },
  'environment-asked-by-signed-words': async (harness) => {
    const prod = sceneOf(harness, { may: { rollback: ['leads'], freeze: ['leads'] } });
    for (const number of [1, 2]) await prod.release(number);
    await prod.decide('freeze', { statement: SIGNED });
    await prod.until('it is frozen', ({ freeze }) => freeze !== null);
    await prod.decide('unfreeze', { statement: SIGNED });
    await prod.until('it is open', ({ freeze }) => freeze === null);
    await prod.ended(await prod.rollback('v1', SIGNED));
    return prod.id;
  },
  // The history of this name is from before an unsigned rollback and a rejection were shown.
  'environment-that-dropped-unsigned-words': askUnsigned,
  'environment-that-shows-unsigned-words': askUnsigned,
  'environment-recovered': async (harness) => {
    const prod = sceneOf(harness);
    await prod.release(1);
    const bake = prod.hold('bake');
    const { requestId } = await prod.ask(givenVersion(prod.plan, 2));
    await bake.arrived();
    const takeOver = prod.hold('takeOver');
    await prod.terminateLane();
    await takeOver.arrived();
    await prod.terminateLane();
    takeOver.release();
    await prod.ended(requestId);
    bake.release();
    return prod.id;
  },
  'environment-continued': async (harness) => {
    const prod = sceneOf(harness, {}, 2);
    await prod.release(1);
    await prod.release(2);
    await prod.ended(await prod.rollback());
    // The newest run is kept: begun from what was carried over, and no longer blank.
    await until('its newest run has begun', async () => {
      const { historyLength } = await harness.client.workflow.getHandle(prod.id).describe();
      return historyLength > 3;
    });
    return prod.id;
  },
};

async function releaseThroughTwo(harness: Harness): ReturnType<Path> {
  const shop = new ReleasePipeline(harness, PLANS);
  const environments = [shop.environment('stage'), shop.environment('prod', { after: ['stage'] })];
  const release = await shop.release(1, environments, { gates: [gate] });
  await release.end();
  return release.handle.workflowId;
}

async function abortInFlight(harness: Harness): ReturnType<Path> {
  const prod = sceneOf(harness);
  const verify = prod.hold('verify');
  const promotion = await PromotionScene.start(harness, givenPromotion(prod.plan, 1));
  await verify.arrived();
  await promotion.decide('abort', 'irina');
  await promotion.end();
  return promotion.handle.workflowId;
}

async function pauseAndResume(harness: Harness): ReturnType<Path> {
  return promote(harness, { approvals: [oneApproval] }, async (promotion) => {
    await promotion.waitsFor('1 approval');
    await promotion.decide('pause', 'irina');
    await promotion.decide('approve', 'oleg');
    await promotion.waitsFor('resume');
    await promotion.decide('resume', 'irina');
    await promotion.end();
  });
}

async function terminatePromotion(
  harness: Harness,
  overrides: Partial<EnvironmentPlan> = {},
): Promise<string> {
  const shop = new ReleasePipeline(harness, PLANS);
  const prod = shop.environment('prod', overrides);
  const verify = shop.scene(prod).hold('verify');
  const release = await shop.release(1, [prod]);
  const { handle } = await release.promotion('prod');
  await verify.arrived();
  await handle.terminate('a person ends it');
  await release.end();
  return release.handle.workflowId;
}
