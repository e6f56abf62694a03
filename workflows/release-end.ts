/** How a release ends: its result, and whether the run is red. Pure. */
import { ApplicationFailure } from '@temporalio/common';
import type { CommitFacts, ReleasePlan } from '../pipeline/plan.js';
import { ENDED } from './failures.js';
import { forcedGates } from './forced.js';
import type { ReleaseRequest } from './messages.js';
import { messageOf } from './promotion-end.js';
import type {
  BuiltArtifact,
  EvidenceItem,
  FailureReport,
  ForcedGate,
  PromotionResult,
  ReleaseResult,
} from './result.js';

export interface ReleaseStop {
  kind: 'aborted' | 'superseded';
  /** A person, or the newer version. */
  by: string;
}

export interface ReleaseEnding {
  request: ReleaseRequest;
  /** null = it could not be made. */
  plan: ReleasePlan | null;
  stop: ReleaseStop | null;
  /** Before any promotion. */
  failure: FailureReport | null;
  artifacts: BuiltArtifact[];
  /** What its own gates said, and what came of forcing them. */
  evidence: EvidenceItem[];
  superseded: ReadonlyMap<string, string>;
  results: PromotionResult[];
  skipped: ReleaseResult['skipped'];
}

export function concludeRelease(ending: ReleaseEnding): ReleaseResult {
  const { request, plan, artifacts, results, evidence } = ending;
  const version = plan?.version ?? request.version;
  const subject = `${request.pipeline} ${version}`;
  const order = plan?.environments.map(({ name }) => name) ?? [];
  const promotions = results.toSorted(
    (one, other) => order.indexOf(one.environment) - order.indexOf(other.environment),
  );
  const bad = promotions.find(({ state, clean }) => state === 'failed' || state === 'rolled-back' || !clean);
  const failure = ending.failure ?? bad?.failure ?? null;
  const forced = forcedOnTheWay(ending);
  return {
    ...howItEnded(ending, subject, bad ?? null),
    version,
    commit: plan?.commit ?? unknownCommit(request),
    artifacts,
    promotions,
    skipped: [...(plan?.skipped ?? []), ...ending.skipped],
    ...(request.forces === undefined ? {} : { evidence }),
    ...(forced.length === 0 ? {} : { forced }),
    failure,
  };
}

/** By the release's own gates and those of its promotions, as far as they have ended. */
export function forcedOnTheWay({
  artifacts,
  evidence,
  results,
}: Pick<ReleaseEnding, 'artifacts' | 'evidence' | 'results'>): ForcedGate[] {
  return forcedGates({ artifacts, evidence: [...evidence, ...results.flatMap((each) => each.evidence)] });
}

/** The worst decides: failed, aborted, superseded, live. */
function howItEnded(
  { plan, stop, failure, superseded, results, skipped }: ReleaseEnding,
  subject: string,
  bad: PromotionResult | null,
): Pick<ReleaseResult, 'headline' | 'state'> {
  if (failure !== null) return { headline: `${subject}: ${failure.what}`, state: 'failed' };
  if (bad !== null) return { headline: bad.headline, state: 'failed' };
  const live = results.filter((result) => result.state === 'succeeded').map((result) => result.environment);
  const everywhere =
    plan !== null && plan.environments.length > 0 && live.length === plan.environments.length;
  // The word to stop came too late for any of them.
  if (everywhere) return { headline: `${subject} is live on ${live.join(', ')}`, state: 'succeeded' };
  if (stop?.kind === 'aborted') return { headline: `${subject}: aborted by ${stop.by}`, state: 'aborted' };
  const aborted = results.find((result) => result.state === 'aborted');
  if (aborted !== undefined) return { headline: aborted.headline, state: 'aborted' };
  const replaced = results.find((result) => result.state === 'superseded');
  if (replaced !== undefined) return { headline: replaced.headline, state: 'superseded' };
  const newer = stop?.by ?? skipped.map(({ environment }) => superseded.get(environment)).find(Boolean);
  if (newer !== undefined) return { headline: `${subject}: superseded by ${newer}`, state: 'superseded' };
  if (plan === null || plan.environments.length === 0) {
    const why = plan?.skipped.map((each) => `${each.environment}: ${each.why}`).join('; ') ?? '';
    return { headline: `${subject}: nothing to do${why === '' ? '' : `, ${why}`}`, state: 'succeeded' };
  }
  return { headline: `${subject} is live on ${live.join(', ')}`, state: 'succeeded' };
}

/** Until the repository has been read only its sha is known. */
export function unknownCommit({ commit }: ReleaseRequest): CommitFacts {
  return { sha: commit, subject: '', author: '', authorEmail: '', committedAt: '', authors: [] };
}

/** Red means look: a failed release throws, with the way out as its message. */
export function endRelease(result: ReleaseResult): ReleaseResult {
  if (result.state !== 'failed') return result;
  throw ApplicationFailure.create({
    type: ENDED.release,
    nonRetryable: true,
    message: messageOf(result.failure, result.headline),
    details: [result],
  });
}
