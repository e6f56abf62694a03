/** What a fake GitHub answers when it is asked who has approved. */
import { ApplicationFailure } from '@temporalio/common';
import type { GithubAnswer, GithubQuestion } from '../../workflows/activity-contract.js';
import { STILL_WAITS } from '../../workflows/failures.js';

export interface FakeReviewOnGithub {
  by: string;
  /** Branch or environment. */
  of: string;
  rejects?: boolean;
}

/** `againMs`: how long until it is asked again by itself. */
export function answerOfGithub(
  { rule, known }: GithubQuestion,
  said: FakeReviewOnGithub[],
  againMs: number,
): GithubAnswer {
  const about = said.filter(({ of }) => of === rule.of);
  const rejectedBy = about.flatMap(({ by, rejects = false }) => (rejects ? [by] : []));
  const people = rejectedBy.length > 0 ? [] : about.map(({ by }) => by);
  const note = `${rule.of ?? ''}: approved by ${people.join(', ') || 'nobody'}`;
  const isNews = known === null || rejectedBy.length > 0 || people.some((by) => !known.includes(by));
  if (!isNews)
    throw ApplicationFailure.create({
      type: STILL_WAITS,
      message: note,
      nonRetryable: false,
      nextRetryDelay: againMs,
    });
  const approvals = people.map((by) => ({
    kind: 'approval' as const,
    name: 'approval',
    verdict: 'approved' as const,
    by,
    at: new Date(0).toISOString(),
    note: 'reviewed on GitHub',
    ...(rule.by === 'github-review' || rule.by === 'github-environment' ? { proof: rule.by } : {}),
    group: rule.group,
    of: rule.of,
  }));
  return { approvals, rejectedBy, note };
}
