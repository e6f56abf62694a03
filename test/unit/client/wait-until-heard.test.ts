/** What a worker made of a word: the answer to the message itself comes before. */
import { describe, expect, it } from 'vitest';
import { afterHearing } from '../../../client/wait-until-heard.js';
import type { Decided } from '../../../client/decided.js';
import type { ProgressStatus } from '../../../workflows/messages.js';

type Heard = Pick<ProgressStatus, 'denials' | 'claims' | 'decided'>;

const SAID: Decided = {
  decisionId: 'one',
  target: { kind: 'promotion', workflowId: 'p', version: 'v1', requestId: 'v1-1' },
  reply: { accepted: true, refused: null, state: 'waits' },
};
const denial = { by: 'oleg', why: 'its key is revoked', decisionId: 'one' };

/** One look after the other; the last stays. */
async function hear(...looks: (Heard | null)[]): Promise<Decided['reply']> {
  const { reply } = await afterHearing(
    SAID,
    async () => (looks.length > 1 ? looks.shift() : looks[0]) ?? null,
  );
  return reply;
}

describe('a word that was accepted', () => {
  it.each<[string, (Heard | null)[], string | null]>([
    ['counts', [{ claims: 1 }, { claims: 0, decided: ['one'] }], null],
    ['does not', [{ claims: 1 }, { claims: 0, denials: [denial] }], 'its key is revoked'],
    [
      'does not, for the last reason',
      [{ claims: 0, denials: [{ ...denial, why: 'older' }, denial] }],
      denial.why,
    ],
    ['is not heard by an older worker', [{}], null],
    ['is looked at when nobody answers at first', [null, { claims: 0, denials: [denial] }], denial.why],
    [
      'counts, although a bad copy under its id was heard before it',
      [
        { claims: 1, denials: [denial] },
        { claims: 0, denials: [denial], decided: ['one'] },
      ],
      null,
    ],
  ])('%s', async (_what, looks, refused) => {
    expect(await hear(...looks)).toMatchObject({ accepted: refused === null, refused });
  });
});
