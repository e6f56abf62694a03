/** GitHub's payloads of reviews → whether a promotion may have been waiting for it. Everything in them is somebody else's text. */
import { z } from 'zod';

export type ReviewReading =
  /** Worth a look; nothing else of it is used. */
  | { kind: 'review'; repository: string }
  | { kind: 'ignored'; repository: string; why: string }
  | { kind: 'malformed'; why: string };

const reviewPayload = z.object({
  action: z.string().max(100),
  review: z.object({ state: z.string().max(100) }).nullish(),
  repository: z.object({ full_name: z.string().max(200) }),
});

/** What may be the word that is missing: a promotion knows already what is taken back. */
const DECIDING: Record<string, readonly string[]> = {
  pull_request_review: ['submitted'],
  deployment_review: ['approved', 'rejected'],
};

export function isReviewEvent(event: string): boolean {
  return Object.hasOwn(DECIDING, event);
}

/** `event` as isReviewEvent says. */
export function readReview(event: string, body: unknown): ReviewReading {
  const parsed = reviewPayload.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') || 'the payload';
    return { kind: 'malformed', why: `${where}: ${issue?.message ?? 'is not that of a review'}` };
  }
  const { action, review, repository } = parsed.data;
  const isWord = DECIDING[event]?.includes(action) === true;
  // nobody waits for comments, and anybody may send them as often as they like
  const isComment = event === 'pull_request_review' && review?.state.toLowerCase() !== 'approved';
  if (isWord && !isComment) return { kind: 'review', repository: repository.full_name };
  const why = `nothing waits for ${event} ${isWord ? (review?.state ?? '') : action}`.trimEnd();
  return { kind: 'ignored', repository: repository.full_name, why };
}
