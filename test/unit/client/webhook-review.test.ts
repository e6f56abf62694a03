/** What GitHub's real payloads of reviews mean: at most that somebody may look. */
import { describe, expect, it } from 'vitest';
import type { TemporalLink } from '../../../client/connect.js';
import type { HintPromotions } from '../../../client/webhooks/hint-promotions.js';
import { readReview } from '../../../client/webhooks/read-review.js';
import { receiveDelivery, type DeliveryAnswer } from '../../../client/webhooks/receive-delivery.js';
import { createSlots } from '../../../client/webhooks/slots.js';
import { isWorthAsking, takesHints } from '../../../workflows/hints.js';
import { deploymentReviewOf, GITHUB_NAME, payloadsOf, reviewOf } from '../../support/webhooks.js';

const ROUTE = {
  pipeline: 'hello',
  github: GITHUB_NAME,
  repositoryUrl: '/srv/hello.git',
  file: 'slipway.yaml',
};

/** What the delivery is answered, and which pipelines' promotions were told. */
async function received(
  event: string,
  body: unknown,
  told: string[] | null = [],
): Promise<{ answer: DeliveryAnswer; asked: string[] }> {
  const asked: string[] = [];
  const hint: HintPromotions = async (_link, pipeline) => {
    asked.push(pipeline);
    return told;
  };
  const link = {} as TemporalLink;
  const routes = [ROUTE, { ...ROUTE, pipeline: 'docs' }, { ...ROUTE, github: 'acme/other' }];
  const receiver = { routes, link, slots: createSlots(1), hint };
  return { answer: await receiveDelivery(receiver, { id: 'one', event, body }), asked };
}

describe('a review that GitHub tells of', () => {
  it.each([
    ['pull_request_review', reviewOf('approved')],
    ['pull_request_review', reviewOf('APPROVED')],
    ['deployment_review', deploymentReviewOf('approved')],
    ['deployment_review', deploymentReviewOf('rejected')],
  ])('%s is a hint for every pipeline of the repository', async (event, body) => {
    const { answer, asked } = await received(event, body, ['promotion/hello/prod/1']);
    expect(asked).toEqual(['hello', 'docs']);
    expect(answer).toMatchObject({
      ...{ status: 202, outcome: 'told', repository: GITHUB_NAME, releases: [] },
      why: 'promotion/hello/prod/1, promotion/hello/prod/1',
    });
  });

  it.each([
    ['waits for none', [], 'no promotion waits for a review'],
    ['was told just now', null, 'told a moment ago: GitHub is being asked'],
  ])('is not said where a pipeline %s', async (_, told, why) => {
    const { answer } = await received('pull_request_review', reviewOf('approved'), told);
    expect(answer).toMatchObject({ status: 202, outcome: 'ignored', why });
  });

  it.each([
    ['a comment', 'pull_request_review', reviewOf('commented')],
    ['a request for changes', 'pull_request_review', reviewOf('changes_requested')],
    ['a request for a review of a deployment', 'deployment_review', deploymentReviewOf('requested')],
    ['another repository', 'pull_request_review', reviewOf('approved', 'mallory/Hello-World')],
    ['a review as a deployment', 'deployment_review', reviewOf('approved')],
  ])('is none for %s', async (_, event, body) => {
    const { answer, asked } = await received(event, body);
    expect(asked).toEqual([]);
    expect(answer).toMatchObject({ status: 202, outcome: 'ignored' });
  });

  it("is none in GitHub's own examples: comments, a dismissal, a request", async () => {
    for (const event of ['pull_request_review', 'deployment_review'])
      for (const body of payloadsOf(event)) {
        const { answer, asked } = await received(event, body);
        expect([answer.outcome, asked]).toEqual(['ignored', []]);
        expect(readReview(event, body)).toMatchObject({ kind: 'ignored' });
      }
  });

  it.each([
    ['no object', null],
    ['a list', []],
    ['no repository', { ...reviewOf('approved'), repository: null }],
    ['an action that is none', { ...reviewOf('approved'), action: { $: 1 } }],
    ['a state that is none', { ...reviewOf('approved'), review: { state: ['approved'] } }],
  ])('with %s is malformed', async (_, body) => {
    const { answer, asked } = await received('pull_request_review', body);
    expect(asked).toEqual([]);
    expect(answer).toMatchObject({ status: 400, outcome: 'refused' });
  });

  it.each(['constructor', '__proto__', 'toString'])('of event %s is of none', async (event) => {
    const { answer } = await received(event, reviewOf('approved'));
    expect(answer).toMatchObject({ outcome: 'ignored', why: expect.stringContaining('starts nothing') });
    expect(readReview('pull_request_review', { ...reviewOf('approved'), action: event })).toMatchObject({
      kind: 'ignored',
    });
  });
});

describe('a hint', () => {
  const hint = { atMs: 100_000, askedMs: 90_000, events: 40 };

  it('is worth a question, but not so soon after one, and not in a long history', () => {
    expect(isWorthAsking(hint)).toBe(true);
    expect(isWorthAsking({ ...hint, askedMs: hint.atMs - 4_999 })).toBe(false);
    expect(isWorthAsking({ ...hint, events: 2_000 })).toBe(false);
    expect([takesHints(1_999), takesHints(2_000)]).toEqual([true, false]);
  });
});
