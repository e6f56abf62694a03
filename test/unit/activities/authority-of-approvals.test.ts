/** Approvals as activities see them: sealed by a worker that verified them, for exactly this, by enough people. */
import { describe, expect, test } from 'vitest';
import type { ApprovalRule, EnvironmentPlan } from '../../../pipeline/plan.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import { givenRule } from '../../support/given.js';
import {
  beginsWith,
  givenApproval,
  givenSealedRelease,
  refusalWith,
  useSealKeys,
  type SealedRelease,
} from '../../support/sealed.js';

const keys = useSealKeys();

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
  const input = { target, prior: release.prior };
  return await refusalWith(keys.ours, 'deploy', input);
}

async function begins(release: SealedRelease, approvals: EvidenceItem[]): Promise<boolean> {
  const target = { ...release.target, evidence: [...gatesOf(release), ...approvals] };
  return await beginsWith(keys.ours, 'deploy', { target, prior: release.prior });
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
