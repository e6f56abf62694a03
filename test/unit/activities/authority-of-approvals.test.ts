/** Approvals as activities see them: sealed by a worker that verified them, for exactly this, by enough people. */
import { describe, expect, test } from 'vitest';
import { Judge } from '../../../activities/trust/judge.js';
import type { ApprovalRule, EnvironmentPlan } from '../../../pipeline/plan.js';
import type { EvidenceItem, ReleaseRecord } from '../../../workflows/result.js';
import { givenRule } from '../../support/given.js';
import {
  givenApproval,
  givenReview,
  givenSealedRelease,
  NO_POLICY,
  type SealedRelease,
} from '../../support/sealed.js';
import { useVouchingWorker } from '../../support/vouching-worker.js';

const worker = useVouchingWorker();
const { keys } = worker;

const rule = (count: number, group: string | null, by: ApprovalRule['by'] = 'ssh'): ApprovalRule =>
  givenRule(count, group, { by });

async function released(
  approvals: ApprovalRule[],
  change: Partial<EnvironmentPlan> = {},
): Promise<SealedRelease> {
  return await givenSealedRelease(keys.ours, { approvals, policy: { rules: [] }, ...change });
}

const gatesOf = ({ evidence }: SealedRelease): EvidenceItem[] =>
  evidence.filter(({ kind }) => kind === 'gate');

async function outcomeOf(release: SealedRelease, approvals: EvidenceItem[]): Promise<string> {
  const target = { ...release.target, evidence: [...gatesOf(release), ...approvals] };
  return await worker.refusal('deploy', { target, prior: release.prior });
}

async function begins(release: SealedRelease, approvals: EvidenceItem[]): Promise<boolean> {
  const target = { ...release.target, evidence: [...gatesOf(release), ...approvals] };
  return await worker.begins('deploy', { target, prior: release.prior });
}

describe('a deploy', () => {
  test('begins with the approvals its rules ask for', async () => {
    const release = await released([rule(1, 'platform'), rule(1, null)]);
    const platform = await givenApproval(keys.ours, release, { by: 'irina', group: 'platform' });
    const anybody = await givenApproval(keys.ours, release, { by: 'oleg' });
    expect(await begins(release, [platform, anybody])).toBe(true);
  });

  test('does not begin without, with too few, or with one person twice', async () => {
    const release = await released([rule(2, null)]);
    const one = await givenApproval(keys.ours, release, { by: 'irina' });
    const same = await givenApproval(keys.ours, release, { by: 'Irina', group: 'platform' });
    expect(await outcomeOf(release, [])).toMatch(/nobody vouches for 2 approvals/);
    expect(await outcomeOf(release, [one])).toMatch(/nobody vouches for 1 approval/);
    expect(await outcomeOf(release, [one, same])).toMatch(/nobody vouches for 1 approval/);
  });

  test('takes no word that is not sealed, or sealed by others, or for something else', async () => {
    const release = await released([rule(1, null)]);
    const other = await released([rule(1, null)], { url: 'http://other' });
    const stage = await released([rule(1, null)], { name: 'stage' });
    const later = await givenSealedRelease(keys.ours, {
      approvals: [rule(1, null)],
      policy: { rules: [] },
      version: 'v2',
    });
    const good = await givenApproval(keys.ours, release, { by: 'irina' });
    const { seal: _seal, ...bare } = good;
    const forged = await givenApproval(
      keys.foreign,
      await givenSealedRelease(keys.foreign, { approvals: [rule(1, null)] }),
      { by: 'irina' },
    );
    const elsewhere = await Promise.all(
      [other, stage, later].map((each) => givenApproval(keys.ours, each, { by: 'irina' })),
    );
    for (const item of [bare, forged, ...elsewhere])
      expect(await outcomeOf(release, [item])).toMatch(/nobody vouches for 1 approval/);
  });

  test('counts nobody for a group they are not in', async () => {
    const release = await released([rule(1, 'platform')]);
    const backend = await givenApproval(keys.ours, release, { by: 'oleg', group: 'backend' });
    const none = await givenApproval(keys.ours, release, { by: 'irina' });
    expect(await outcomeOf(release, [backend, none])).toMatch(/1 approval \(platform\)/);
  });

  test('takes an unverified word only where a rule is content with it', async () => {
    const strict = await released([rule(1, null)]);
    const claimed = await givenApproval(keys.ours, strict, { by: 'irina', proof: 'unverified' });
    expect(await outcomeOf(strict, [claimed])).toMatch(/nobody vouches/);
    const content = await released([rule(1, null, 'unverified')]);
    expect(
      await begins(content, [await givenApproval(keys.ours, content, { by: 'irina', proof: 'unverified' })]),
    ).toBe(true);
    const both = await released([rule(1, null), rule(1, null, 'unverified')]);
    const one = await givenApproval(keys.ours, both, { by: 'irina', proof: 'unverified' });
    const two = await givenApproval(keys.ours, both, { by: 'oleg', proof: 'unverified' });
    expect(await outcomeOf(both, [one, two])).toMatch(/nobody vouches for 1 approval/);
    expect(await begins(both, [one, await givenApproval(keys.ours, both, { by: 'oleg' })])).toBe(true);
  });

  test('counts no author, whatever was sealed', async () => {
    const release = await released([rule(1, null)]);
    const anna = await givenApproval(keys.ours, release, { by: 'anna@example.com' });
    expect(await outcomeOf(release, [anna])).toMatch(/nobody vouches for 1 approval/);
    const allowed = await released([rule(1, null)], { selfApproval: true });
    expect(await begins(allowed, [await givenApproval(keys.ours, allowed, { by: 'anna@example.com' })])).toBe(
      true,
    );
  });
});

describe('reviews on GitHub', () => {
  const review = (of: string, count = 1): ApprovalRule => givenRule(count, null, { by: 'github-review', of });

  test('let in what they are about', async () => {
    const release = await released([review('main', 2)]);
    const [rule_] = release.environment.approvals;
    if (rule_ === undefined) throw new Error('there is no rule');
    const bob = await givenReview(keys.ours, release, rule_, 'bob');
    const carol = await givenReview(keys.ours, release, rule_, 'carol');
    expect(await begins(release, [bob, carol])).toBe(true);
    expect(await outcomeOf(release, [bob])).toMatch(/nobody vouches for 1 review of main/);
    expect(await outcomeOf(release, [bob, await givenReview(keys.ours, release, rule_, 'Bob')])).toMatch(
      /nobody vouches for 1 review of main/,
    );
    const { seal: _seal, ...bare } = carol;
    expect(await outcomeOf(release, [bob, bare])).toMatch(/nobody vouches for 1 review of main/);
    const forged = await givenSealedRelease(keys.foreign, { approvals: [review('main', 2)] });
    expect(await outcomeOf(release, [bob, await givenReview(keys.foreign, forged, rule_, 'carol')])).toMatch(
      /nobody vouches for 1 review of main/,
    );
    const anna = await givenReview(keys.ours, release, rule_, 'anna@example.com');
    expect(await outcomeOf(release, [bob, anna])).toMatch(/nobody vouches for 1 review of main/);
  });

  test('of another branch, environment or kind fill no rule, and a signature none of theirs', async () => {
    const dev = review('dev');
    const production = givenRule(1, null, { by: 'github-environment', of: 'main' });
    const signed = rule(1, null);
    const release = await released([review('main'), dev, production, signed]);
    const ofDev = await givenReview(keys.ours, release, dev, 'bob');
    const ofEnvironment = await givenReview(keys.ours, release, production, 'carol');
    const ssh = await givenApproval(keys.ours, release, { by: 'irina' });
    const more = await givenApproval(keys.ours, release, { by: 'oleg' });
    expect(await outcomeOf(release, [ofDev, ofEnvironment, ssh, more])).toMatch(
      /nobody vouches for 1 review of main;/,
    );
    const ofMain = await givenReview(keys.ours, release, review('main'), 'dan');
    expect(await outcomeOf(release, [ofDev, ofEnvironment, ofMain])).toMatch(
      /vouches for 1 approval \(anybody\)/,
    );
    // one person fills one slot, whatever they gave
    const same = await givenReview(keys.ours, release, review('main'), 'bob');
    expect(await outcomeOf(release, [ofDev, same, ofEnvironment, ssh])).toMatch(/vouches for 1 review of/);
    expect(await begins(release, [ofDev, ofMain, ofEnvironment, ssh])).toBe(true);
  });
});

describe('what is live', () => {
  const recordOf = ({ target, evidence }: SealedRelease): ReleaseRecord => ({
    ...target,
    evidence,
    at: '',
    by: 'oleg',
  });

  test('was let in only where seals show it', async () => {
    const judge = new Judge(keys.ours, NO_POLICY);
    const release = await released([rule(1, null)]);
    const record = recordOf(release);
    const isLetIn = (change: Partial<ReleaseRecord>, environment = 'prod'): boolean =>
      judge.wasLetIn({ ...record, ...change }, 'shop', environment);
    expect(isLetIn({})).toBe(true);
    expect(isLetIn({ commit: { ...record.commit, sha: 'b'.repeat(40) } })).toBe(false);
    expect(isLetIn({ evidence: [] })).toBe(false);
    expect(isLetIn({ evidence: gatesOf(release) })).toBe(false);
    expect(isLetIn({}, 'stage')).toBe(false);
    expect(isLetIn({ plan: { ...record.plan, approvals: [] } })).toBe(false);
    const foreign = await givenSealedRelease(keys.foreign, { approvals: [rule(1, null)] });
    expect(judge.wasLetIn(recordOf(foreign), 'shop', 'prod')).toBe(false);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- anybody may say anything
    expect(judge.wasLetIn({ commit: 7 } as never, 'shop', 'prod')).toBe(false);
  });
});
