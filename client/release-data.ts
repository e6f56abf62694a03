/** What was followed, as data for `--json`, for job outputs and as an exit code. */
import { FAILURE } from '../workflows/failures.js';
import type { ReleaseResult } from '../workflows/result.js';
import {
  EXIT,
  type ExitCode,
  exitOfChange,
  exitOfPromotion,
  exitOfRelease,
  exitOfWayBack,
} from './exit-codes.js';
import type { FollowEnd, RunEnd } from './follow.js';
import type { AnyResult, Followed, FollowedTo } from './followed.js';
import type { ShownProgress } from './merge-progress.js';

import { onlyOurMarkdown } from './report-markdown.js';

/** Exit of a followed release, before or after its end. */
export function exitOfFollowedRelease(followed: FollowedTo<ReleaseResult>): ExitCode {
  return exitOfEnd(followed, exitOfRelease);
}

/** Exit of whatever was followed by the name of its environment. */
export function exitOfProgress(followed: FollowedTo<AnyResult>): ExitCode {
  return exitOfEnd(followed, (result) => {
    if ('promotions' in result) return exitOfRelease(result);
    return 'refused' in result ? exitOfPromotion(result) : exitOfChange(result);
  });
}

/** Exit of going back: being back is success. */
export function exitOfFollowedWayBack(followed: FollowedTo<AnyResult>): ExitCode {
  return exitOfEnd(followed, (result) => {
    if ('promotions' in result)
      return result.promotions.every(({ clean }) => clean) ? EXIT.done : EXIT.failedNotUndone;
    if (!('refused' in result)) return exitOfWayBack(result);
    if (result.change !== null) return exitOfWayBack(result.change);
    return result.clean ? EXIT.done : EXIT.failedNotUndone;
  });
}

function exitOfEnd<Result>(
  followed: Followed & { end: FollowEnd<Result> },
  exitOfResult: (result: Result) => ExitCode,
): ExitCode {
  const { end } = followed;
  switch (end.how) {
    case 'waiting':
      return EXIT.done;
    case 'timeout':
      return EXIT.timeout;
    case 'interrupted':
      return EXIT.interrupted;
    case 'ended':
      return end.result === null ? exitWithoutResult(end, followed) : exitOfResult(end.result);
  }
}

const NOTHING_TOUCHED: string[] = [FAILURE.refused, FAILURE.badInput];

/** Terminated, or failed without saying how far it got: unknown counts as not undone, unless nothing had begun. */
function exitWithoutResult({ failure }: RunEnd<unknown>, followed: Followed): ExitCode {
  const nothingBegun = followed.progress.size === 0 && followed.release !== null;
  if (nothingBegun && NOTHING_TOUCHED.includes(failure?.type ?? '')) return EXIT.refused;
  return EXIT.failedNotUndone;
}

/** The `data` of `release` and `watch`. */
export function toReleaseData(
  followed: Followed,
  link: (workflowId: string) => string | null,
): Record<string, unknown> {
  const { release } = followed;
  const promotions = [...followed.progress].map(([workflowId, status]) =>
    toPromotionData(status, link(workflowId)),
  );
  const [first] = followed.progress.values();
  return {
    version: release?.version ?? first?.version ?? null,
    commit: release?.commit?.sha ?? first?.commit.sha ?? null,
    images: (release?.artifacts ?? first?.artifacts ?? []).map(({ name, digest }) => ({ name, digest })),
    state: stateOf(followed),
    headline: release?.headline ?? first?.headline ?? null,
    promotions,
    skipped: release?.skipped ?? [],
    forced: release?.forced ?? first?.forced ?? [],
    decisions: release?.decisions ?? [],
    denials: release?.denials ?? [],
    failure: release?.failure ?? null,
  };
}

function toPromotionData(status: ShownProgress, link: string | null): unknown {
  const {
    environment,
    state,
    waitingFor,
    steps,
    unwind,
    failure,
    requestedBy,
    identity,
    live = null,
    approvals,
    forced = [],
    decisions = [],
    denials = [],
  } = status;
  return {
    environment,
    state,
    ...(waitingFor === null ? {} : { waitingFor }),
    steps,
    unwind,
    live,
    approvals,
    forced,
    decisions,
    denials,
    failure,
    requestedBy,
    identity,
    links: link === null ? {} : { temporal: link },
  };
}

/** What a job is told in `state`: the one promotion's, else the release's. */
export function stateOf({ release, progress }: Followed): string {
  const states = [...progress.values()].map(({ state }) => state);
  const [only] = states;
  if (only !== undefined && states.length === 1) return only;
  return states.find((state) => state === 'waiting') ?? release?.state ?? 'pending';
}

/** GitHub shows no page of more than 1 MiB. */
const LONGEST_SUMMARY = 300_000;

/**
 * Markdown of the workflows' own reports: the page of a CI job shows the same as the Temporal UI. `uiUrl` is where that
 * is; their links are paths on it, and only text when it is not known.
 */
export function toJobSummary({ release, progress }: Followed, uiUrl: string | null): string {
  const reports = [...progress.values()].map(({ report }) => report).filter((report) => report !== '');
  const text = reports.length > 0 ? reports.join('\n\n') : (release?.report ?? '');
  const ours = onlyOurMarkdown(text.slice(0, LONGEST_SUMMARY));
  return uiUrl === null
    ? ours.replaceAll(/\[([^[\]]+)\]\(\/namespaces\/[^()\s]*\)/g, '$1')
    : ours.replaceAll('](/namespaces/', `](${uiUrl}/namespaces/`);
}
