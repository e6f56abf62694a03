/** Whose word cannot count is told before a key is looked for and before anything is sent. */
import { describe, expect, it } from 'vitest';
import { approveWaiting, signWhatWaits } from '../../../client/approve-waiting.js';
import { EXIT } from '../../../client/exit-codes.js';
import type { Excluding, ProgressStatus } from '../../../workflows/messages.js';
import { givenProgress } from './given-status.js';

const excluding: Excluding = {
  selfApproval: false,
  requester: 'vadim',
  authors: ['Anna', 'anna@example.com'],
  forcers: ['olga@example.com'],
};
const approvals = [
  { by: 'irina', group: null, at: '', proof: 'ssh' as const },
  { by: 'boris', group: null, at: '', proof: 'github-review' as const },
];

function givenWaiting(approving: Partial<NonNullable<ProgressStatus['approving']>> = {}): ProgressStatus {
  const asked = { requestId: 'request-1', mustSign: true, expiresMs: 1000, onGithub: null, excluding };
  return givenProgress({ approvals, approving: { ...asked, ...approving } });
}

/** Nobody has a key here, and there is no Temporal. */
async function approveAs(by: string, shown = givenWaiting()): Promise<void> {
  const nowhere = async (): Promise<never> => {
    throw new Error('nothing may be asked or sent');
  };
  const client = { actor: { by, proof: 'unverified' as const }, progress: nowhere, decide: nowhere };
  const named = { workflowId: 'promotion/shop/prod/1', version: 'v1.4.0', requestId: '1' };
  const target = { kind: 'promotion' as const, ...named };
  await approveWaiting(client, target, { shown, env: { HOME: '/nowhere' } });
}

describe('before it signs, approve refuses', () => {
  it.each([
    ['who asked for the release', 'Vadim', /^Vadim asked for this release and may not approve it$/],
    ['an author, by name', 'anna', /^anna wrote a commit of this release/],
    ['an author, by address', 'anna@example.com', /wrote a commit of this release/],
    ['who forced a gate', 'olga@example.com', /forced a gate of this release/],
    ['who has approved already', 'irina', /^irina has approved already and counts once$/],
  ])('%s', async (_who, by, what) => {
    await expect(approveAs(by)).rejects.toMatchObject({
      exit: EXIT.refused,
      what: expect.stringMatching(what) as unknown,
      where: 'prod',
      wayOut: expect.stringMatching(/^(?:ask somebody else|somebody else must)$/) as unknown,
    });
  });

  it('everybody, where all that is missing is given on GitHub', async () => {
    const onGithub = 'only 1 review of main is missing, which is given on GitHub: review the pull request';
    await expect(approveAs('oleg', givenWaiting({ onGithub }))).rejects.toMatchObject({
      exit: EXIT.refused,
      what: onGithub,
    });
  });
});

it('refuses a reason that nobody can sign before it looks for a key, and asks nobody', async () => {
  const client = { actor: { by: 'oleg', proof: 'unverified' as const } };
  const sign = async (reason: string): Promise<unknown> =>
    await signWhatWaits(client, givenWaiting(), { reason, env: { HOME: '/nowhere' } });
  for (const reason of ['one\ntwo', '\u001b[2J', 'x'.repeat(1001), 'a\u2028b'])
    await expect(sign(reason)).rejects.toMatchObject({ exit: EXIT.badInput, where: '--reason' });
  // what joins letters is no trick, and what stands around it is not kept
  for (const reason of ['می\u200cخواهم', ' OPS-412 \n', 'x'.repeat(1000)])
    await expect(sign(reason)).rejects.toMatchObject(NO_KEY);
});

const NO_KEY = { exit: EXIT.refused, what: 'there is no SSH key to sign with' };

describe('approve goes on to look for a key', () => {
  it.each([
    ['of somebody else', 'oleg', givenWaiting()],
    ['of who has reviewed on GitHub: the rules say whether that is enough', 'boris', givenWaiting()],
    [
      'of who asked, where the plan lets them',
      'vadim',
      givenWaiting({ excluding: { ...excluding, selfApproval: true } }),
    ],
  ])('%s', async (_whose, by, shown) => {
    await expect(approveAs(by, shown)).rejects.toMatchObject(NO_KEY);
  });

  it('where an older worker does not say who is left out', async () => {
    const { excluding: _, ...older } = givenWaiting().approving ?? {};
    const shown = { ...givenWaiting(), approving: older } as ProgressStatus;
    await expect(approveAs('vadim', shown)).rejects.toMatchObject(NO_KEY);
  });
});
