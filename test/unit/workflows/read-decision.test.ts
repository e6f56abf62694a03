import { describe, expect, it } from 'vitest';
import { completeDecision, findProblem } from '../../../workflows/read-decision.js';

const read = (input: unknown) => completeDecision(input, () => 'new');

describe('a decision as it arrives', () => {
  it('is completed: people typing JSON leave out what they do not need', () => {
    expect(read({ by: ' anna ' })).toEqual({
      ...{ by: 'anna', proof: 'unverified', decisionId: 'new', reason: null, planHash: null, digest: null },
      ...{ group: null, host: null, until: null },
    });
    expect(read({ by: 'anna', decisionId: 'mine', reason: 'OPS-412' })).toMatchObject({
      decisionId: 'mine',
      reason: 'OPS-412',
    });
  });

  it.each(['anna', 'an\u200bna', '\u202eanna', 'anna\u0000', '\u001b[31manna', ' anna\n', 'anna\u2060'])(
    '%j is anna: nobody counts twice by what cannot be seen',
    (by) => {
      expect(read({ by }).by).toBe('anna');
    },
  );

  it('has one spelling of a letter', () => {
    expect(read({ by: 'Rene\u0301' }).by).toBe('Ren\u00e9');
  });

  it.each([
    [null, 'a decision is an object'],
    ['anna', 'a decision is an object'],
    [['anna'], 'a decision is an object'],
    [{}, 'says who takes it'],
    [{ by: '' }, 'says who takes it'],
    [{ by: ' \u200b\n' }, 'says who takes it'],
    [{ by: 7 }, 'says who takes it'],
    [{ by: 'anna', reason: 7 }, 'reason of a decision is text'],
    [{ by: 'anna', host: ['web-1'] }, 'host of a decision is text'],
    [{ by: 'anna', reason: 'x'.repeat(10_001) }, 'reason of a decision has at most 10000 characters'],
    [{ by: 'x'.repeat(10_001) }, 'by of a decision has at most 10000 characters'],
  ])('%j is refused with what is wrong', (input, problem) => {
    expect(findProblem(input)).toContain(problem);
  });

  it('is well formed otherwise', () => {
    expect(findProblem({ by: 'anna' })).toBeNull();
    expect(findProblem({ by: 'anna', reason: null, digest: `sha256:${'a'.repeat(64)}` })).toBeNull();
  });
});
