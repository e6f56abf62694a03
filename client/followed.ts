/** What following has seen so far, for whoever looks at all of it and not only at the latest change. */
import type { ReleaseStatus } from '../workflows/messages.js';
import type { ChangeResult, PromotionResult, ReleaseResult } from '../workflows/result.js';
import type { FollowEnd, Progress } from './follow.js';
import type { ShownProgress } from './merge-progress.js';

/** The last known state of everything that was followed. */
export interface Followed {
  release: ReleaseStatus | null;
  /** By workflow id, in the order they began. */
  progress: Map<string, ShownProgress>;
}

export interface FollowedTo<Result> extends Followed {
  end: FollowEnd<Result>;
}

/** How anything that can be followed ends. */
export type AnyResult = ReleaseResult | PromotionResult | ChangeResult;

export function nothingFollowed(): Followed {
  return { release: null, progress: new Map() };
}

/** Keeps `followed` up to date and tells each change, until it ends. */
export async function followToEnd<Result>(
  following: AsyncGenerator<Progress, FollowEnd<Result>>,
  followed: Followed,
  onChange: (progress: Progress) => void,
): Promise<FollowedTo<Result>> {
  for (;;) {
    const next = await following.next();
    if (next.done === true) return { ...followed, end: next.value };
    const { value } = next;
    if (value.kind === 'release') followed.release = value.status;
    if (value.kind === 'progress') followed.progress.set(value.workflowId, value.status);
    onChange(value);
  }
}
