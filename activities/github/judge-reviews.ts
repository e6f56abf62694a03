/** Whose review of a merged pull request counts as an approval. Pure. */
import type { PullRequest } from './pull-requests.js';

export interface Review {
  /** null when the account is gone. */
  by: string | null;
  isBot: boolean;
  /** APPROVED, CHANGES_REQUESTED, DISMISSED, COMMENTED or PENDING. */
  state: string;
  /** The commit it looked at; null when GitHub no longer has it. */
  commit: string | null;
  at: string;
  url: string;
}

export interface JudgedReviews {
  counted: (Review & { by: string })[];
  /** `carol: approved 3f2a9c1, but 9c1b2d4 was merged`. */
  ignored: string[];
}

/** A comment neither gives nor takes an approval. */
const DECIDING = ['APPROVED', 'CHANGES_REQUESTED', 'DISMISSED'];

/**
 * The latest deciding review of each person counts, when it approves the very commit that was merged. The author of
 * the pull request, the authors of its commits, bots and lost accounts never count. `reviews` are in any order.
 */
export function judgeReviews(
  pull: Pick<PullRequest, 'headSha' | 'author'>,
  commitAuthors: readonly (string | null)[],
  reviews: readonly Review[],
): JudgedReviews {
  const latest = new Map<string, Review & { by: string }>();
  const judged: JudgedReviews = { counted: [], ignored: [] };
  for (const review of [...reviews].sort((a, b) => a.at.localeCompare(b.at))) {
    if (!DECIDING.includes(review.state)) continue;
    if (review.by === null) judged.ignored.push('a review of an account that is gone');
    else latest.set(review.by.toLowerCase(), { ...review, by: review.by });
  }
  const authors = new Set([pull.author, ...commitAuthors].map((login) => login?.toLowerCase()));
  for (const [login, review] of latest) {
    const why = whyNot(review, authors.has(login), pull.headSha);
    if (why === null) judged.counted.push(review);
    else judged.ignored.push(`${review.by}: ${why}`);
  }
  return judged;
}

function whyNot(review: Review, isAuthor: boolean, headSha: string): string | null {
  if (review.state === 'CHANGES_REQUESTED') return 'asked for changes';
  if (review.state === 'DISMISSED') return 'the approval was dismissed';
  if (review.isBot) return 'is a bot';
  if (isAuthor) return 'wrote some of it';
  if (review.commit === headSha) return null;
  const seen = review.commit === null ? 'a commit that is gone' : review.commit.slice(0, 7);
  return `approved ${seen}, but ${headSha.slice(0, 7)} was merged`;
}
