import { describe, expect, it } from 'vitest';
import { describeMissing, openApprovals } from '../../../workflows/approvals.js';
import type { ApprovalRule } from '../../../pipeline/plan.js';
import { givenRule } from '../../support/given.js';

const rule = (count: number, group: string | null, expiresMs = 1000): ApprovalRule =>
  givenRule(count, group, { expiresMs });
const by = (person: string, group: string | null = null) => ({ by: person, group, at: '' });

describe('open approvals', () => {
  it('are over when every rule has its people', () => {
    const rules = [rule(1, 'platform'), rule(1, 'backend')];
    const open = openApprovals(rules, [by('anna', 'platform'), by('oleg', 'backend')], 0);
    expect(open).toEqual({ missing: [], expiresMs: null });
  });

  it('end with the first rule that is still open', () => {
    const rules = [rule(1, 'platform', 500), rule(2, null, 2000)];
    expect(openApprovals(rules, [], 10).expiresMs).toBe(510);
    expect(openApprovals(rules, [by('anna', 'platform')], 10).expiresMs).toBe(2010);
  });

  it('count one person once, whatever groups they speak for', () => {
    const open = openApprovals([rule(2, null)], [by('anna', 'platform'), by('ANNA', 'backend')], 0);
    expect(describeMissing(open.missing)).toBe('1 approval (anybody)');
  });

  it('say who is missing', () => {
    const { missing } = openApprovals([rule(2, 'platform'), rule(1, null)], [], 0);
    expect(describeMissing(missing)).toBe('3 approvals (2 of platform, anybody)');
  });

  it('by token are given with tokens only, and those by signature are not', () => {
    const tests: ApprovalRule = givenRule(1, 'tests', { by: 'oidc' });
    const rules = [tests, givenRule(1, 'platform', { by: 'ssh' })];
    const token = { ...by('e2e@ci', 'tests'), proof: 'oidc' as const };
    const missingWith = (...said: Parameters<typeof openApprovals>[1]): string =>
      describeMissing(openApprovals(rules, said, 0).missing);
    expect(missingWith()).toBe('2 approvals (tests by token, platform)');
    expect(missingWith(token)).toBe('1 approval (platform)');
    expect(missingWith({ ...token, proof: 'ssh' })).toBe('2 approvals (tests by token, platform)');
    expect(missingWith({ ...token, group: null })).toBe('2 approvals (tests by token, platform)');
    expect(missingWith({ ...by('anna', 'platform'), proof: 'oidc' })).toBe(
      '2 approvals (tests by token, platform)',
    );
    // where nothing is protected nobody proves anything
    expect(missingWith(by('e2e@ci', 'tests'), by('anna', 'platform'))).toBe('');
  });
});
