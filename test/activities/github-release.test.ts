/** Releases and a rollback on a real Temporal, whose words go to the stand-in for GitHub: what people see there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { EnvironmentScene, sha } from '../support/environment-scene.js';
import { activitiesOf, githubOf, mergedPull, UI_URL } from '../support/github/scene.js';
import { startGithub, type GithubStandIn } from '../support/github/stand-in.js';
import { givenPlan, givenRule } from '../support/given.js';
import { givenPromotion, PromotionScene } from '../support/promotion-scene.js';
import { startTemporal } from '../support/temporal-setup.js';
import { quiet, startHarness, until, type Harness } from '../support/workflow-harness.js';

let standIn: GithubStandIn;
let harness: Harness;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  quiet();
  standIn = await startGithub();
  ends.unshift(() => standIn.stop());
  const { address, bundle, stop } = await startTemporal();
  ends.unshift(stop);
  const { recordDeployment, setCommitStatus, commentOnPullRequest } = activitiesOf(githubOf(standIn));
  const github = { recordDeployment, setCommitStatus, commentOnPullRequest };
  harness = await startHarness({ github, elsewhere: { address, bundle } });
  ends.unshift(() => harness.close());
});
afterAll(async () => {
  for (const end of ends) await end();
});

describe('an environment that GitHub hears of', () => {
  let plan: EnvironmentPlan;
  let prod: EnvironmentScene;
  beforeAll(() => {
    plan = givenPlan({
      name: 'prod',
      repository: { url: standIn.repositoryUrl },
      github: { deployments: true, statuses: true, comment: true },
      approvals: [givenRule(1)],
    });
    prod = new EnvironmentScene(harness, plan);
    standIn.state.pulls = [mergedPull({ mergeSha: sha(1) })];
  });

  const start = (number: number): Promise<PromotionScene> =>
    PromotionScene.start(harness, givenPromotion(plan, number, { repositoryUrl: standIn.repositoryUrl }));
  /** Version and last state of each deployment, the oldest first. */
  const deployments = (): string[] =>
    standIn.state.deployments.map(
      ({ sha: commit, statuses }) => `v${Number(commit)} ${String(statuses.at(-1)?.['state'])}`,
    );

  it('shows what a release waits for, and that it is live', async () => {
    const promotion = await start(1);
    await promotion.waitsFor('1 approval');
    await until('the pull request says so', () =>
      standIn.state.comments[0]?.body.includes('waits for 1 approval'),
    );
    expect(standIn.state.statuses.at(-1)).toMatchObject({
      sha: sha(1),
      context: 'slipway/prod',
      state: 'pending',
      description: 'v1 waits for 1 approval (anybody)',
    });
    await promotion.decide('approve', 'oleg');
    expect(await promotion.end()).toMatchObject({ state: 'succeeded' });

    const [deployment] = standIn.state.deployments;
    expect(deployment?.body).toMatchObject({ environment: 'prod', production_environment: true });
    const states = deployment?.statuses.map(({ state }) => state) ?? [];
    expect([states[0], states.at(-1)]).toEqual(['pending', 'success']);
    expect(deployment?.statuses.at(-1)).toMatchObject({ environment_url: 'http://prod.example.com' });
    expect(String(deployment?.statuses.at(-1)?.['log_url'])).toContain(
      `${UI_URL}/namespaces/default/workflows/promotion%2Fshop%2Fprod%2F`,
    );
    expect(standIn.state.statuses.at(-1)).toMatchObject({ state: 'success' });
    expect(standIn.state.comments).toHaveLength(1);
    expect(standIn.state.comments[0]?.body).toContain('v1 is live on prod');
    expect(standIn.state.comments[0]?.body).toContain(`](${UI_URL}/namespaces/default/`);
    standIn.expectNoViolations();
  });

  it('shows a release that was undone as failed, while what was live is active', async () => {
    prod.break('bake', 'say-no');
    const promotion = await start(2);
    await promotion.decide('approve', 'oleg');
    expect(await promotion.end()).toMatchObject({ state: 'failed' });
    expect(deployments()).toEqual(['v1 success', 'v2 failure']);
    standIn.expectNoViolations();
  });

  it('shows the version a rollback brought back as the newest', async () => {
    const promotion = await start(3);
    await promotion.decide('approve', 'oleg');
    await promotion.end();
    expect(deployments()).toEqual(['v1 inactive', 'v2 failure', 'v3 success']);
    const rollback = await prod.rollback();
    expect(await prod.ended(rollback)).toMatchObject({ state: 'succeeded' });
    await until('GitHub knows', () => deployments()[2] === 'v3 inactive');
    expect(deployments()).toEqual(['v1 inactive', 'v2 failure', 'v3 inactive', 'v1 success']);
    standIn.expectNoViolations();
  });

  it('is released to although GitHub is away, and the report says that it does not know', async () => {
    standIn.cut();
    const promotion = await start(4);
    await promotion.decide('approve', 'oleg');
    await prod.until('v4 is live', ({ live }) => live?.version === 'v4');
    expect(await promotion.end()).toMatchObject({ state: 'succeeded', clean: true });
    const { memo } = await promotion.handle.describe();
    expect(memo?.['report']).toContain('GitHub was not told: ');
    standIn.heal();
    const next = await start(5);
    await next.decide('approve', 'oleg');
    await next.end();
    expect(deployments().at(-1)).toBe('v5 success');
    expect(deployments().filter((each) => each.endsWith('success'))).toHaveLength(1);
    standIn.expectNoViolations();
  });

  it('is released to although GitHub refuses', async () => {
    standIn.fail({ status: 403, body: { message: 'Resource not accessible by integration' } });
    const promotion = await start(6);
    await promotion.decide('approve', 'oleg');
    expect(await promotion.end()).toMatchObject({ state: 'succeeded', clean: true });
    const { memo } = await promotion.handle.describe();
    expect(String(memo?.['report']).split('GitHub was not told: the login may not')).toHaveLength(2);
  });
});
