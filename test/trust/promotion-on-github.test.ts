/** What GitHub hears of releases, and that a release never waits for it or fails by it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { DeploymentRecord } from '../../workflows/activity-contract.js';
import { SIGNAL } from '../../workflows/names.js';
import { EnvironmentScene, givenVersion, sha } from '../support/environment-scene.js';
import { breakActivity, type FaultKind } from '../support/fake-world.js';
import { givenPlan, givenRule } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { ReleasePipeline, startReleaseHarness, type Plans } from '../support/release-scene.js';
import { quiet, until, type Harness } from '../support/workflow-harness.js';

const ALL = { deployments: true, statuses: true, comment: true };
const ONE_APPROVAL = givenRule(1);

interface Word {
  environment: string;
  /** `deployment in_progress`, `status pending`, `comment`. */
  said: string;
  text: string;
}

const plans: Plans = new Map();
const words: Word[] = [];
const deployments: DeploymentRecord[] = [];
let harness: Harness;

beforeAll(async () => {
  quiet();
  harness = await startReleaseHarness(plans, {
    github: {
      recordDeployment: async (input) => {
        deployments.push(input);
        const { environment, state, description } = input;
        words.push({ environment, said: `deployment ${state}`, text: description });
        return { deploymentId: 1, adopted: false, inactivated: [] };
      },
      setCommitStatus: async ({ environment, state, description }) => {
        words.push({ environment, said: `status ${state}`, text: description });
        return { context: `slipway/${environment}`, written: true };
      },
      commentOnPullRequest: async ({ environment, markdown }) => {
        words.push({ environment, said: 'comment', text: markdown });
        return { commentUrl: null };
      },
    },
  });
});
beforeEach(() => {
  words.length = 0;
  deployments.length = 0;
});
afterAll(() => harness.close());

const planned = (overrides: Partial<EnvironmentPlan> = {}): EnvironmentPlan =>
  givenPlan({ github: ALL, ...overrides });

const start = (plan: EnvironmentPlan, number = 1): Promise<PromotionScene> =>
  PromotionScene.start(harness, givenPromotion(plan, number));

/** Words of one kind, each once, in the order they were first said. */
const heard = (plan: EnvironmentPlan, kind: string): string[] => [
  ...new Set(
    words
      .filter(({ environment, said }) => environment === plan.name && said.startsWith(kind))
      .map(({ said }) => said),
  ),
];
const lastOf = (plan: EnvironmentPlan, kind: string): Word | undefined =>
  words.findLast(({ environment, said }) => environment === plan.name && said.startsWith(kind));

async function reportOf(promotion: PromotionScene): Promise<string> {
  const { memo } = await promotion.handle.describe();
  return String(memo?.['report']);
}

describe('a release that GitHub hears of', () => {
  it('is a deployment, a status and a comment, from its first wait until it is live', async () => {
    const plan = planned({ approvals: [ONE_APPROVAL] });
    const prod = new EnvironmentScene(harness, plan);
    const deploy = prod.hold('deploy');
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    await until('the comment says what it waits for', () =>
      lastOf(plan, 'comment')?.text.includes('waits for 1 approval'),
    );
    expect(lastOf(plan, 'deployment')).toMatchObject({
      said: 'deployment pending',
      text: 'v1 waits for 1 approval (anybody)',
    });
    await promotion.decide('approve', 'oleg');
    await deploy.arrived();
    await until('it is in progress', () => lastOf(plan, 'deployment')?.said === 'deployment in_progress');
    deploy.release();
    expect(await promotion.end()).toMatchObject({ state: 'succeeded' });

    expect(heard(plan, 'status')).toEqual(['status pending', 'status success']);
    expect(lastOf(plan, 'deployment')).toMatchObject({ said: 'deployment success' });
    expect(lastOf(plan, 'comment')?.text).toContain(`v1 is live on ${plan.name}`);
    expect(deployments.at(-1)).toMatchObject({
      repositoryUrl: '/srv/shop.git',
      commit: sha(1),
      production: true,
      environmentUrl: 'http://prod.example.com',
      planHash: plan.planHash,
    });
    expect(deployments.at(-1)?.logUrl).toMatch(/^\/namespaces\/[^/]+\/workflows\/promotion%2Fshop%2F/);
    expect(await reportOf(promotion)).not.toContain('GitHub');
  });

  it('says only what was asked for', async () => {
    const plan = planned({ github: { deployments: false, statuses: true, comment: false } });
    await (await start(plan)).end();
    expect(new Set(words.map(({ said }) => said.split(' ')[0]))).toEqual(new Set(['status']));
    const silent = givenPlan();
    await (await start(silent)).end();
    expect(heard(silent, '')).toEqual([]);
  });

  it.each([
    ['rejected', 'failure', 'failure'],
    ['aborted', 'inactive', 'error'],
    ['superseded', 'inactive', 'error'],
  ])('%s is %s', async (how, deployment, status) => {
    const plan = planned({ approvals: [ONE_APPROVAL] });
    const promotion = await start(plan);
    await promotion.waitsFor('1 approval');
    if (how === 'rejected') await promotion.decide('reject', 'irina');
    else if (how === 'aborted') await promotion.handle.cancel();
    else
      await promotion.handle.signal(SIGNAL.superseded, {
        environment: plan.name,
        version: 'v2',
        commit: sha(2),
      });
    await promotion.end();
    expect(lastOf(plan, 'deployment')).toMatchObject({ said: `deployment ${deployment}` });
    expect(lastOf(plan, 'status')).toMatchObject({ said: `status ${status}` });
    expect(lastOf(plan, 'comment')?.text).toContain(how);
  });

  it('that was undone is a failure', async () => {
    const plan = planned();
    new EnvironmentScene(harness, plan).break('verify', 'say-no');
    expect(await (await start(plan)).end()).toMatchObject({ state: 'failed', clean: true });
    expect(heard(plan, 'deployment').at(-1)).toBe('deployment failure');
    expect(lastOf(plan, 'status')).toMatchObject({ said: 'status failure' });
  });
});

describe('GitHub that does not hear', () => {
  const WORDS = ['recordDeployment', 'setCommitStatus', 'commentOnPullRequest'] as const;

  it.each(WORDS)('%s refused: told once, and the release goes on', async (word) => {
    const plan = planned();
    const request = givenPromotion(plan, 1);
    breakFor(request, word, 'refuse', -1);
    const promotion = await PromotionScene.start(harness, request);
    expect(await promotion.end()).toMatchObject({ state: 'succeeded', clean: true });
    const report = await reportOf(promotion);
    expect(report.split('GitHub was not told')).toHaveLength(2);
    expect(report).toContain(`GitHub was not told: ${word} was refused (log line)`);
    expect(report).toContain(`is live on ${plan.name}`);
  });

  it.concurrent.each(['refuse-after', 'lose-reply', 'twice', 'unreachable'] as const)(
    '%s: the release goes on',
    async (fault) => {
      const plan = planned();
      const request = givenPromotion(plan, 1);
      for (const word of WORDS) breakFor(request, word, fault, -1);
      const promotion = await PromotionScene.start(harness, request);
      expect(await promotion.end()).toMatchObject({ state: 'succeeded', clean: true });
      const isTold = fault === 'twice';
      expect((await reportOf(promotion)).includes('GitHub was not told')).toBe(!isTold);
    },
  );

  it('that hangs holds neither the lane nor the result for long', async () => {
    const plan = planned();
    const prod = new EnvironmentScene(harness, plan);
    const request = givenPromotion(plan, 1);
    breakFor(request, 'recordDeployment', 'hang-before', 1);
    const deploy = prod.hold('deploy');
    const promotion = await PromotionScene.start(harness, request);
    await deploy.arrived();
    deploy.release();
    await prod.until('it is live', ({ live, inFlight }) => live?.version === 'v1' && inFlight === null);
    expect(heard(plan, 'deployment')).toEqual([]);
    expect(await prod.release(2)).toMatchObject({ state: 'succeeded' });
    expect(await promotion.end()).toMatchObject({ state: 'succeeded' });
    expect(heard(plan, 'deployment')).toEqual(['deployment success']);
    expect(await reportOf(promotion)).toContain('GitHub was not told: no answer in time');
  });

  const breakFor = (
    request: ReturnType<typeof givenPromotion>,
    activity: (typeof WORDS)[number],
    kind: FaultKind,
    times: number,
  ): void => {
    const { plan, requestId } = request;
    const caller = `promotion/${plan.pipeline}/${plan.name}/${requestId}`;
    breakActivity(harness.world, caller, activity, kind, { times });
  };
});

describe('the way back', () => {
  it('is a deployment of the version that serves again', async () => {
    const plan = planned();
    const prod = new EnvironmentScene(harness, plan);
    await prod.release(1);
    await prod.release(2);
    const requestId = await prod.rollback();
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded' });
    await until('GitHub knows', () => deployments.find((each) => each.requestId === requestId));
    expect(deployments.filter((each) => each.requestId === requestId)).toMatchObject([
      { requestId, state: 'success', commit: sha(1), version: 'v1', repositoryUrl: '/srv/shop.git' },
    ]);
    expect(heard(plan, 'comment')).toEqual([]);
  });

  it('is told also to a release from before GitHub was told anything', async () => {
    const plan = givenPlan();
    const prod = new EnvironmentScene(harness, plan);
    await prod.release(1);
    await prod.ask(givenVersion({ ...plan, github: ALL }, 2));
    await prod.until('v2 is live', ({ live, inFlight }) => live?.version === 'v2' && inFlight === null);
    const requestId = await prod.rollback();
    await prod.ended(requestId);
    const told = await until('GitHub knows', () => deployments.find((each) => each.requestId === requestId));
    expect(told).toMatchObject({ version: 'v1', state: 'success' });
  });

  it('that did not come to its end is a failure, and the environment is not held up', async () => {
    const plan = planned();
    const prod = new EnvironmentScene(harness, plan);
    await prod.release(1);
    await prod.release(2);
    breakActivity(harness.world, prod.id, 'recordDeployment', 'hang-before');
    const first = await prod.rollback();
    await prod.ended(first);
    expect(await prod.release(3)).toMatchObject({ state: 'succeeded' });
    prod.break('verify', 'say-no');
    const second = await prod.rollback();
    const ended = await prod.ended(second);
    const told = await until('GitHub knows', () => deployments.find((each) => each.requestId === second));
    expect([ended.state, ended.clean, told.state]).toEqual(['failed', true, 'failure']);
  });
});

describe('a promotion that was ended from outside', () => {
  it('is spoken for by its release', async () => {
    const shop = new ReleasePipeline(harness, plans);
    const prod = shop.environment('prod', { github: ALL });
    const verify = shop.scene(prod).hold('verify');
    const release = await shop.release(1, [prod]);
    const { handle } = await release.promotion('prod');
    await verify.arrived();
    await handle.terminate('a person ends it');
    verify.release();
    await release.end();
    expect(deployments.at(-1)).toMatchObject({ pipeline: shop.name, commit: sha(1), version: 'v1' });
    expect(['inactive', 'success']).toContain(deployments.at(-1)?.state);
  });
});
