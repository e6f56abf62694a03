import { describe, expect, it } from 'vitest';
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import { activityInputs } from '../support/activity-inputs.js';
import { givenDecision, givenGate, givenImage, givenRule } from '../support/given.js';
import { breakActivity } from '../support/fake-world.js';
import { ReleasePipeline, startReleaseHarness, type Plans } from '../support/release-scene.js';
import { useHarness } from '../support/use-harness.js';
import { until } from '../support/workflow-harness.js';

const plans: Plans = new Map();

const harness = useHarness(() => startReleaseHarness(plans));

const given = (): ReleasePipeline => new ReleasePipeline(harness, plans);
const oneApproval = givenRule(1);
const gate = givenGate();

describe('a release', () => {
  it('is built once and passes stage and prod in their order', async () => {
    const shop = given();
    const stage = shop.environment('stage');
    const prod = shop.environment('prod', { after: ['stage'] });
    const run = await shop.release(1, [stage, prod], { gates: [gate] });
    const end = await run.end();
    expect(end).toMatchObject({ red: false, state: 'succeeded', failure: null });
    const asked = await activityInputs(run.handle, 'runGate');
    expect(asked).toMatchObject([{ gate, plan: { environments: [stage.name, prod.name] } }]);
    expect(end.headline).toBe(`${shop.name} v1 is live on stage, prod`);
    expect(shop.calls('buildArtifacts')).toBe(1);
    expect([shop.scene(stage).serving(), shop.scene(prod).serving()]).toEqual(['v1', 'v1']);
    const [onStage, onProd] = end.promotions.map((promotion) => promotion.change?.live);
    expect(onProd?.artifacts).toEqual(onStage?.artifacts);
    expect(Date.parse(onProd?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(onStage?.at ?? ''));
    expect(end.promotions[1]?.evidence).toMatchObject([{ name: 'good on stage', verdict: 'pass' }]);
  });

  it('says how it came to its image: built, built before, or built anew and why', async () => {
    const shop = given();
    const [stage, prod] = [shop.environment('stage'), shop.environment('prod')];
    const noteOf = async (environment: EnvironmentPlan, name: string): Promise<string | null | undefined> => {
      const run = await shop.release(1, [environment], { artifacts: [givenImage({ name })] });
      expect((await run.end()).state).toBe('succeeded');
      return (await run.status()).steps.find((step) => step.name === 'build')?.note;
    };
    expect(await noteOf(stage, 'doubtful')).toMatch(/^sha256:\w+, built anew: nobody vouches for it$/);
    expect(await noteOf(prod, 'doubtful')).toMatch(/^sha256:\w+, built before$/);
    const other = given();
    const run = await other.release(2, [other.environment('dev')]);
    await run.end();
    const [, build] = (await run.status()).steps;
    expect(build).toMatchObject({ name: 'build', note: expect.stringMatching(/^sha256:\w+$/) });
  });

  it('names what it leaves undone where its plan stands', async () => {
    const shop = given();
    const notYet = [{ what: 'notify', where: 'slipway.yaml:54:1', meanwhile: 'slipway watch tells' }];
    const run = await shop.release(1, [shop.environment('dev')], { notYet });
    expect((await run.end()).state).toBe('succeeded');
    const { steps, report } = await run.status();
    expect(steps[0]).toMatchObject({
      name: 'plan',
      note: expect.stringMatching(/^\w{8}, not yet: notify$/) as string,
    });
    expect(report).toContain('not yet: notify');
  });

  it('does not reach prod when stage says no, and is red', async () => {
    const shop = given();
    const stage = shop.environment('stage');
    const prod = shop.environment('prod', { after: ['stage'] });
    shop.scene(stage).break('verify', 'say-no');
    const end = await (await shop.release(1, [stage, prod])).end();
    expect(end).toMatchObject({ red: true, state: 'failed' });
    expect(end.message).toContain('/health answered 500');
    expect(end.skipped).toEqual([{ environment: 'prod', why: 'it did not become live on stage' }]);
    expect((await shop.scene(prod).status()).announced).toEqual([]);
  });

  it('builds nothing when one of its gates says no', async () => {
    const shop = given();
    const dev = shop.environment('dev');
    breakActivity(harness.world, shop.name, 'runGate', 'refuse');
    const end = await (await shop.release(1, [dev], { gates: [gate] })).end();
    expect(end).toMatchObject({ red: true, state: 'failed', promotions: [] });
    expect(shop.calls('buildArtifacts')).toBe(0);
    expect((await shop.scene(dev).status()).announced).toEqual([]);
  });

  it('builds where one of its gates was waived', async () => {
    const shop = given();
    const dev = shop.environment('dev');
    const end = await (await shop.release(1, [dev], { gates: [{ ...gate, name: 'waived' }] })).end();
    expect(end).toMatchObject({ red: false, state: 'succeeded' });
    expect(shop.calls('buildArtifacts')).toBe(1);
  });

  it('has nothing to do for a change of docs only', async () => {
    const skipped = [{ environment: 'dev', why: 'only docs changed' }];
    const end = await (await given().release(1, [], { skipped })).end();
    expect(end).toMatchObject({ red: false, state: 'succeeded', skipped, promotions: [] });
    expect(end.headline).toContain('nothing to do, dev: only docs changed');
  });

  it('fails with the user’s mistake and its place when there is no plan', async () => {
    const end = await (await given().start(9)).end();
    expect(end).toMatchObject({ red: true, state: 'failed' });
    expect(end.message).toBe('slipway.yaml:3:1: no such tag; push it first');
  });

  it('is joined by a second start of the same version', async () => {
    const shop = given();
    const prod = shop.environment('prod', { approvals: [oneApproval] });
    const first = await shop.release(1, [prod]);
    await (await first.promotion('prod')).waitsFor('1 approval');
    const second = await shop.start(1);
    await (await first.promotion('prod')).decide('approve', 'oleg');
    expect([(await first.end()).state, (await second.end()).state]).toEqual(['succeeded', 'succeeded']);
    expect(shop.calls('buildArtifacts')).toBe(1);
  });

  it('takes one environment per ref: the tag goes to prod where stage had the commit', async () => {
    const shop = given();
    const stage = shop.environment('stage');
    const prod = shop.environment('prod', { after: ['stage'] });
    expect((await (await shop.release(1, [stage])).end()).state).toBe('succeeded');
    const tagged = await shop.release(1, [prod]);
    expect((await tagged.end()).state).toBe('succeeded');
    const refused = await (await shop.release(2, [prod])).end();
    expect(refused).toMatchObject({ red: true, promotions: [{ refused: true }] });
  });
});

describe('an abort of a release', () => {
  it.each(['abort', 'cancel'] as const)('(%s) ends the build', async (how) => {
    const shop = given();
    const build = shop.hold('buildArtifacts');
    const release = await shop.release(1, [shop.environment('dev')]);
    await build.arrived();
    if (how === 'abort') await release.decide('abort', 'irina');
    else await release.handle.cancel();
    expect(await release.end()).toMatchObject({ red: false, state: 'aborted', promotions: [] });
  });

  it('reaches its promotions, and skips those to come', async () => {
    const shop = given();
    const stage = shop.environment('stage', { approvals: [oneApproval] });
    const prod = shop.environment('prod', { after: ['stage'] });
    const release = await shop.release(1, [stage, prod]);
    await (await release.promotion('stage')).waitsFor('1 approval');
    await release.decide('abort', 'irina');
    const end = await release.end();
    expect(end).toMatchObject({ red: false, state: 'aborted', promotions: [{ state: 'aborted' }] });
    expect(end.skipped).toHaveLength(1);
  });

  it('is the only decision it takes', async () => {
    const shop = given();
    const release = await shop.release(1, [shop.environment('prod', { approvals: [oneApproval] })]);
    await (await release.promotion('prod')).waitsFor('1 approval');
    expect((await release.decide('approve', 'oleg')).refused).toContain('is decided for one environment');
    await release.decide('abort', 'irina');
    await release.end();
  });
});

describe('a newer release', () => {
  it('replaces one that builds', async () => {
    const shop = given();
    const dev = shop.environment('dev');
    const build = shop.hold('buildArtifacts');
    const older = await shop.release(1, [dev]);
    await build.arrived();
    const newer = await shop.release(2, [dev]);
    expect(await older.end()).toMatchObject({ red: false, state: 'superseded', promotions: [] });
    expect((await newer.end()).state).toBe('succeeded');
    expect(shop.scene(dev).serving()).toBe('v2');
  });

  it('replaces one that waits for approval', async () => {
    const shop = given();
    const dev = shop.environment('dev', { approvals: [oneApproval] });
    const older = await shop.release(1, [dev]);
    await (await older.promotion('dev')).waitsFor('1 approval');
    const newer = await shop.release(2, [dev]);
    const end = await older.end();
    expect(end).toMatchObject({ red: false, state: 'superseded', promotions: [{ state: 'superseded' }] });
    expect(end.headline).toContain('superseded by v2');
    await (await newer.promotion('dev')).waitsFor('1 approval');
    await (await newer.promotion('dev')).decide('approve', 'oleg');
    expect((await newer.end()).state).toBe('succeeded');
  });

  it('replaces one in the queue', async () => {
    const shop = given();
    const dev = shop.environment('dev');
    const scene = shop.scene(dev);
    await scene.send('freeze', givenDecision('irina'));
    const older = await shop.release(1, [dev]);
    await scene.until('it is queued', ({ queue }) => queue.length === 1);
    const newer = await shop.release(2, [dev]);
    expect(await older.end()).toMatchObject({ red: false, state: 'superseded' });
    await scene.decide('unfreeze');
    expect((await newer.end()).state).toBe('succeeded');
    // on each of its hosts
    const deploys = scene.world().calls.filter((call) => call.startsWith('deploy'));
    expect(deploys).toEqual(dev.hosts.map(() => 'deploy blue'));
  });

  it('ends the bake of one that bakes, which is live for a moment', async () => {
    const shop = given();
    const dev = shop.environment('dev');
    const scene = shop.scene(dev);
    const bake = scene.hold('bake');
    const older = await shop.release(1, [dev]);
    await bake.arrived();
    const newer = await shop.release(2, [dev]);
    const end = await older.end();
    expect(end).toMatchObject({ red: false, state: 'succeeded' });
    const baked = end.promotions[0]?.change?.steps.find((step) => step.name === 'bake');
    expect(baked?.note).toContain('v2');
    expect((await newer.end()).state).toBe('succeeded');
    expect((await scene.status()).good.map((record) => record.version)).toEqual(['v2', 'v1']);
  });

  it('undoes one before its cutover where the policy says so', async () => {
    const shop = given();
    const dev = shop.environment('dev', { onSupersede: 'undo' });
    const scene = shop.scene(dev);
    const verify = scene.hold('verify');
    const older = await shop.release(1, [dev]);
    await verify.arrived();
    const newer = await shop.release(2, [dev]);
    expect(await older.end()).toMatchObject({ red: false, state: 'superseded' });
    verify.release();
    expect((await newer.end()).state).toBe('succeeded');
    expect(scene.serving()).toBe('v2');
  });

  it('is found by an older one that comes late', async () => {
    const shop = given();
    const dev = shop.environment('dev', { approvals: [oneApproval] });
    const newer = await shop.release(2, [dev]);
    await (await newer.promotion('dev')).waitsFor('1 approval');
    expect(await (await shop.release(1, [dev])).end()).toMatchObject({ red: false, state: 'superseded' });
    await newer.decide('abort', 'irina');
    await newer.end();
  });

  it('replaces nobody where releases queue in order', async () => {
    const shop = given();
    const prod = shop.environment('prod', { queue: 'fifo', approvals: [oneApproval] });
    const releases = [await shop.release(1, [prod]), await shop.release(2, [prod])];
    for (const release of releases) {
      const promotion = await release.promotion('prod');
      await promotion.waitsFor('1 approval');
      await promotion.decide('approve', 'oleg');
      expect((await release.end()).state).toBe('succeeded');
    }
  });

  it('that was terminated replaces nobody any more', async () => {
    const shop = given();
    const dev = shop.environment('dev');
    const build = shop.hold('buildArtifacts');
    const newer = await shop.release(2, [dev]);
    await build.arrived();
    await newer.handle.terminate('gone');
    expect((await (await shop.release(1, [dev])).end()).state).toBe('succeeded');
    const status = await until('its word was taken back', async () => {
      const now = await shop.scene(dev).status();
      return now.announced.length === 0 ? now : null;
    });
    expect(status.live?.version).toBe('v1');
  });
});

it('whose promotion belongs to a run before it, ended from outside, never says that it is live', async () => {
  const shop = given();
  const prod = shop.environment('prod', { approvals: [oneApproval] });
  const first = await shop.release(1, [prod]);
  const promotion = await first.promotion('prod');
  await promotion.waitsFor('approval');
  await first.handle.terminate('the job was cancelled');
  const again = await shop.start(1, first.requestId);
  const end = await again.end();
  expect(end).toMatchObject({ red: true, state: 'failed' });
  expect(end.headline).not.toContain('is live');
  expect(end.failure).toMatchObject({ wayOut: expect.stringContaining('slipway watch prod') as string });
  await promotion.decide('approve', 'oleg');
  expect((await promotion.end()).state).toBe('succeeded');
});
