/** GitHub tells `slipway serve` of reviews: whoever waits for one asks GitHub at once, and believes nothing of it. */
import { randomUUID } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { SIGNAL } from '../../workflows/names.js';
import type { FakeReviewOnGithub } from '../support/fake-reviews.js';
import { givenPlan, givenRule } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { startReceiver, type Receiver } from '../support/serve-scene.js';
import { deliver, deploymentReviewOf, reviewOf, type Delivered } from '../support/webhooks.js';
import { useHarness } from '../support/use-harness.js';
import { startHarness, until } from '../support/workflow-harness.js';

/** By the environment they are about. */
const said = new Map<string, FakeReviewOnGithub[]>();

// by itself GitHub is not asked again while a test runs
const harness = useHarness(() =>
  startHarness({ reviews: (name) => said.get(name) ?? [], reviewsAgainMs: 3_600_000 }),
);

interface Waiting {
  plan: EnvironmentPlan;
  promotion: PromotionScene;
  receiver: Receiver;
}

/** A promotion that waits for one review, on a repository whose deliveries come here. */
async function givenWaiting(): Promise<Waiting> {
  const name = `prod-${randomUUID().slice(0, 8)}`;
  const approvals = [givenRule(1, null, { by: 'github-review', of: 'main' })];
  const seal = { statement: '{}', keyId: 'k', signature: 's' };
  const pipeline = `hints-${randomUUID().slice(0, 8)}`;
  const plan = givenPlan({ pipeline, name, approvals, seal, policy: { rules: [] } });
  const promotion = await PromotionScene.start(harness, givenPromotion(plan, 1));
  await promotion.waitsFor('1 review of main');
  await until('GitHub was asked twice', async () => (await askedOf(promotion)) === 2);
  await until('it is listed as waiting', () => isListed(pipeline));
  const env = (_actor: string, more: Record<string, string> = {}) => ({
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    SLIPWAY_TASK_QUEUE: harness.taskQueue,
    ...more,
  });
  return {
    plan,
    promotion,
    receiver: await startReceiver({ pipeline, env, repository: { folder: '/srv' } }),
  };
}

async function isListed(pipeline: string): Promise<boolean> {
  const query = `SlipwayPipeline = '${pipeline}' AND SlipwayWaitingFor IS NOT NULL`;
  return (await harness.client.workflow.count(query)).count > 0;
}

/** How often a question to GitHub was begun. */
async function askedOf({ handle }: PromotionScene): Promise<number> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: each }) => each?.activityType?.name === 'findGithubApprovals',
  ).length;
}

/** What was signalled, with how many words. */
async function hintsOf({ handle }: PromotionScene): Promise<number[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: each }) =>
    each?.signalName === SIGNAL.githubHint ? [each.input?.payloads?.length ?? 0] : [],
  );
}

const outcomeOf = ({ body }: Delivered): unknown => body['outcome'];

it('a flood of them is few hints, which carry nothing; what GitHub says then counts', async () => {
  const { plan, promotion, receiver } = await givenWaiting();
  const tell = () =>
    Promise.all([
      deliver(receiver.url, 'pull_request_review', reviewOf('approved')),
      deliver(receiver.url, 'deployment_review', deploymentReviewOf('approved')),
    ]);
  const answers: Delivered[] = [];
  await until('GitHub was asked again', async () => {
    answers.push(...(await tell()));
    return (await askedOf(promotion)) === 3;
  });
  // told of an approval that GitHub does not know
  expect((await promotion.status()).waitingFor).toBe('1 review of main');
  said.set(plan.name, [{ by: 'bob', of: 'main' }]);
  await until('it has ended', async () => {
    answers.push(...(await tell()));
    return (await promotion.handle.describe()).status.name !== 'RUNNING';
  });
  expect(await promotion.end()).toMatchObject({ state: 'succeeded' });
  expect(await askedOf(promotion)).toBe(4);
  const hints = await hintsOf(promotion);
  expect(new Set(hints)).toEqual(new Set([0]));
  expect(answers.filter((each) => outcomeOf(each) === 'told')).toHaveLength(hints.length);
  expect(answers.length).toBeGreaterThan(3 * hints.length);
});

it('none is told with a signature that is not good, or of another repository', async () => {
  const { promotion, receiver } = await givenWaiting();
  const approved = reviewOf('approved');
  const { url } = receiver;
  const refused = await deliver(url, 'pull_request_review', approved, { secret: 'guessed' });
  const foreign = await deliver(url, 'pull_request_review', reviewOf('approved', 'mallory/Hello-World'));
  expect([refused, foreign].map(outcomeOf)).toEqual(['refused', 'ignored']);
  // the one after them is all that there is
  expect(outcomeOf(await deliver(url, 'pull_request_review', approved))).toBe('told');
  await until('it was signalled', async () => (await hintsOf(promotion)).length > 0);
  expect(await hintsOf(promotion)).toHaveLength(1);
  expect(receiver.lines().at(-1)).toMatchObject({
    ...{ event: 'delivery', githubEvent: 'pull_request_review', outcome: 'told' },
    ...{ repository: 'Codertocat/Hello-World', why: promotion.handle.workflowId },
  });
  await promotion.decide('abort', 'irina');
  await promotion.end();
});

it('whoever forges thousands fills no history by it: the receiver tells no more', async () => {
  const { promotion, receiver } = await givenWaiting();
  const forged = { approvals: [{ by: 'bob', verdict: 'approved' }], rejectedBy: ['bob'] };
  // all at once would wait for one another at the one run, on a slow machine for too long
  for (let sent = 0; sent < 2_000; sent += 250)
    await Promise.all(Array.from({ length: 250 }, () => promotion.handle.signal(SIGNAL.githubHint, forged)));
  expect(await deliver(receiver.url, 'pull_request_review', reviewOf('approved'))).toMatchObject({
    body: { outcome: 'ignored', why: 'no promotion waits for a review' },
  });
  expect((await promotion.status()).waitingFor).toBe('1 review of main');
  await promotion.decide('abort', 'irina');
  await promotion.end();
});
