/** What a promotion shows: the facts under its report, and its answer to `status`. */
import { refuseToSayHere } from './approvals.js';
import type { PromotionDeciding } from './decisions.js';
import { describeDenials } from './denials.js';
import type { Excluding, ProgressStatus, PromotionRequest } from './messages.js';
import { describeForced, forcedGates } from './forced.js';
import {
  githubProof,
  LONGEST_STATEMENT_MS,
  missingApprovals,
  type Approval,
  type MissingApprovals,
} from './missing-approvals.js';
import type { Progress, ReportFacts } from './progress.js';
import { environmentId, laneId } from './names.js';
import { warnUnprotected } from './protection.js';
import type { Denial, EvidenceItem, FailureReport, UnwindReport } from './result.js';
import { linkToRun } from './ui-links.js';

export interface PromotionView {
  request: PromotionRequest;
  approvals: Approval[];
  denials: Denial[];
  /** Not yet looked at. */
  claims: number;
  /** Ids of the approvals that counted. */
  decided: string[];
  /** What GitHub said, rule by rule. */
  onGithub: string[];
  evidence: EvidenceItem[];
  failure: FailureReport | null;
  /** What its change undid. */
  unwind: UnwindReport[];
  phase: PromotionDeciding['phase'];
  /** Why GitHub does not know all of it; null = it does, or is told nothing. */
  untold: string | null;
}

export function promotionFacts(view: PromotionView): ReportFacts {
  const { request, approvals, evidence, failure, unwind, phase } = view;
  const { plan, version, commit, actor, artifacts } = request;
  const digests = artifacts.map((artifact) => `${artifact.name} ${artifact.digest.slice(0, 15)}`).join(', ');
  const approved = approvals.map(describeApproval).join(', ');
  const asks = plan.approvals.length > 0 && (phase === 'gates' || phase === 'approvals');
  const asksHere = asks && onGithubOnly(missingOf(view)) === null;
  const ended = phase === 'ended';
  return {
    subject: `${plan.pipeline} ${version} → ${plan.name}`,
    commit,
    unwind,
    failure,
    facts: [
      `**plan** ${plan.planHash.slice(0, 8)} · ${digests}`,
      ...(approved === '' ? [] : [`**approved** ${approved}`]),
      ...approvals.flatMap(({ by, reason }) =>
        reason === undefined ? [] : [`approval of ${by}: ${reason}`],
      ),
      ...view.onGithub.map((said) => `on GitHub ${said}`),
      ...describeDenials(view.denials),
      `requested by ${actor.by} (identity: unverified)`,
      ...(view.untold === null ? [] : [`GitHub was not told: ${view.untold}`]),
      ...warnUnprotected([plan]),
    ],
    commands: ended
      ? []
      : [
          ...(asksHere ? [{ what: 'approve', command: `slipway approve ${plan.name}` }] : []),
          ...(asks ? [{ what: 'reject', command: `slipway reject ${plan.name}` }] : []),
          { what: phase === 'changing' ? 'stop and undo' : 'stop', command: `slipway abort ${plan.name}` },
        ],
    links: [
      linkToRun('release', request.releaseId),
      linkToRun(`environment ${plan.name}`, environmentId(plan.pipeline, plan.name)),
      ...(phase === 'changing' ? [linkToRun('the change', laneId(plan.pipeline, plan.name))] : []),
    ],
    forced: forcedGates({ artifacts, evidence }).map(describeForced),
  };
}

/** `anna (platform)`, `bob (review of main)`. */
function describeApproval({ by, group, proof, of }: Approval): string {
  const review = githubProof(proof) === null ? null : `review of ${of ?? 'the pull request'}`;
  const said = [group, review].filter((each) => each !== null);
  return said.length === 0 ? by : `${by} (${said.join(', ')})`;
}

function missingOf({ request, approvals }: PromotionView): MissingApprovals[] {
  return missingApprovals(request.plan.approvals, approvals);
}

/** Why nobody's word here helps; null = it does, or nothing is missing. */
function onGithubOnly(missing: MissingApprovals[]): string | null {
  return missing.length > 0 && missing.every(({ by }) => githubProof(by) !== null)
    ? refuseToSayHere(missing)
    : null;
}

function lacksToken(missing: MissingApprovals[]): { byToken?: 'some' | 'every' } {
  const here = missing.filter(({ by }) => githubProof(by) === null);
  if (!here.some(({ by }) => by === 'oidc')) return {};
  return { byToken: here.every(({ by }) => by === 'oidc') ? 'every' : 'some' };
}

export function excludingOf(
  { plan, actor, commit, artifacts }: PromotionRequest,
  evidence: EvidenceItem[],
): Excluding {
  return {
    selfApproval: plan.selfApproval,
    requester: actor.by,
    authors: [commit.author, commit.authorEmail, ...commit.authors],
    forcers: forcedGates({ artifacts, evidence }).map(({ by }) => by),
  };
}

export function promotionStatus(view: PromotionView, progress: Progress): ProgressStatus {
  const { request, approvals, failure } = view;
  const { plan, version, commit, artifacts, actor } = request;
  const { state, waiting, steps, decisions } = progress;
  const missing = missingOf(view);
  return {
    headline: progress.headline(),
    state,
    pipeline: plan.pipeline,
    environment: plan.name,
    version,
    commit,
    artifacts,
    planHash: plan.planHash,
    requestedBy: actor.by,
    identity: 'unverified',
    waitingFor: waiting?.for ?? null,
    waitingSince: waiting?.since ?? null,
    waitEnds: waiting?.ends ?? null,
    approvals,
    approving: {
      requestId: request.requestId,
      mustSign: plan.policy !== undefined && plan.approvals.some(({ by }) => by === 'ssh'),
      ...(plan.policy === undefined ? {} : lacksToken(missing)),
      onGithub: onGithubOnly(missing),
      excluding: excludingOf(request, view.evidence),
      expiresMs: Math.min(...plan.approvals.map(({ expiresMs }) => expiresMs), LONGEST_STATEMENT_MS),
    },
    denials: view.denials,
    decisions,
    forced: forcedGates({ artifacts, evidence: view.evidence }),
    claims: view.claims,
    decided: view.decided,
    onGithub: view.onGithub,
    colour: null,
    steps,
    unwind: [],
    failure,
    report: progress.report(),
  };
}
