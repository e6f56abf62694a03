/** What did not count is kept short and few, whoever says how much of it. */
import { describe, expect, it } from 'vitest';
import { decide, type PromotionDeciding } from '../../../workflows/decisions.js';
import { describeDenial, withDenial } from '../../../workflows/denials.js';
import type { Denial } from '../../../workflows/result.js';
import { givenDecision, givenRule } from '../../support/given.js';

const denial = { by: 'oleg', why: 'its key is revoked', decisionId: 'one', decision: 'approval', at: '' };

describe('denials', () => {
  it('are the newest twenty, each a line', () => {
    let denials: Denial[] | undefined;
    for (let turn = 0; turn < 30; turn += 1)
      denials = withDenial(denials, {
        ...denial,
        decisionId: String(turn),
        by: 'x'.repeat(9000),
        why: 'a\n'.repeat(9000),
      });
    expect(denials?.map(({ decisionId }) => decisionId)).toEqual(
      Array.from({ length: 20 }, (_, turn) => String(turn + 10)),
    );
    for (const { by, why } of denials ?? []) {
      expect(by).toHaveLength(100);
      expect(why).toHaveLength(400);
      expect(why).not.toContain('\n');
    }
  });

  it('name the person once', () => {
    expect(describeDenial({ ...denial, why: 'oleg is not in group leads' })).toBe(
      'approval by oleg: is not in group leads',
    );
    expect(describeDenial(denial)).toBe('approval by oleg: its key is revoked');
    // of an older worker
    expect(describeDenial({ by: 'oleg', why: 'no', decisionId: '' })).toBe('oleg: no');
  });
});

describe('a run that looks at no more signed words', () => {
  const deaf = '20 words wait to be looked at; say it again in a moment';
  const promotion: PromotionDeciding = {
    ...{ of: 'promotion', environment: 'prod', taken: ['taken'], phase: 'approvals', paused: false, deaf },
    ...{ rules: [givenRule(1, null)], approvals: [], refusesUnsigned: false, planHash: 'plan', digests: [] },
    ...{ selfApproval: false, requester: 'vera', authors: [], forcers: [] },
  };

  it.each([
    ['approve', {}, deaf],
    ['approve', { decisionId: 'taken' }, null],
    ['reject', {}, null],
    ['abort', {}, null],
  ] as const)('%s %o', (name, more, refused) => {
    const verdict = decide(promotion, { ...givenDecision('oleg', more), name });
    expect(verdict.accepted ? null : verdict.refused).toBe(refused);
  });
});
