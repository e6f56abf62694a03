/**
 * Every message's payload. Plain JSON only. Each decision exists as an update (validated, answered) and as a
 * signal of the same name (for `temporal workflow signal` and the UI); both go through `decide()`.
 */
import type { BackupRecord, DatabaseState, DatabaseWay } from './database-state.js';
import type { Colour, EnvironmentPlan, ReleaseRef, CommitFacts, Seal } from '../pipeline/plan.js';
import type { Approval } from './missing-approvals.js';
import type { SignedStatement, SshStatement } from './signed-statements.js';
import type {
  BuiltArtifact,
  ChangeResult,
  Denial,
  EvidenceItem,
  FailureReport,
  ForcedGate,
  HostApart,
  PriorState,
  ReleaseRecord,
  Said,
  StepReport,
  StepState,
  TakenDecision,
  UnwindReport,
} from './result.js';

/** Who says it. Until identities can be proven, `by` is whatever the client claims and `proof` is `unverified`. */
export interface Actor {
  by: string;
  proof: 'unverified';
}

export interface Decision extends Actor {
  /** Unique per decision: the same id twice is one decision. */
  decisionId: string;
  reason: string | null;
  /** approve: what the person looked at; a different digest or plan voids the approval. null = as shown now. */
  planHash: string | null;
  digest: string | null;
  /** approve: the group the person speaks for; null = any. */
  group: string | null;
  /** skipHost only. */
  host: string | null;
  /** freeze only: ISO time, null = until unfrozen. */
  until: string | null;
  /** approve, switchTraffic, freeze, unfreeze: what the person signed; the worker that verifies it believes nothing else. */
  statement?: SignedStatement;
}

/** What an update answers. A refusal is an answer, not an error: nothing was changed. */
export interface DecisionReply {
  accepted: boolean;
  /** Why not, and the way out. */
  refused: string | null;
  /** The headline after the decision. */
  state: string;
}

/** `readmit`: what is live comes to hosts that were left out of it. */
export type ChangeKind = 'deploy' | 'redeploy' | 'rollback' | 'recover' | 'retire' | 'readmit';

export interface ReleaseRequest {
  requestId: string;
  pipeline: string;
  repositoryUrl: string;
  file: string;
  ref: ReleaseRef;
  /** Full sha the client saw for `ref`; the worker refuses when the repository says otherwise. */
  commit: string;
  version: string;
  /** Environments asked for by name; empty = what the ref selects and starts by itself. */
  to: string[];
  actor: Actor;
  reason: string | null;
  /** What started it, where nobody asked: a ref that no environment takes is then nothing to do. Absent = somebody did. */
  trigger?: 'push';
  /** Gates to be passed although they say no, each signed by somebody who may. Absent = none. */
  forces?: Force[];
}

/** One gate, and what somebody signed who forces it (`pipeline/force-statement.ts`). */
export interface Force {
  gate: string;
  statement: SshStatement;
}

export interface PromotionRequest {
  requestId: string;
  releaseId: string;
  version: string;
  commit: CommitFacts;
  ref: ReleaseRef;
  repositoryUrl: string;
  plan: EnvironmentPlan;
  artifacts: BuiltArtifact[];
  actor: Actor;
  reason: string | null;
  /** As the release was started with them. Absent = none. */
  forces?: Force[];
}

export interface ChangeRequest {
  requestId: string;
  kind: ChangeKind;
  version: string;
  commit: CommitFacts;
  plan: EnvironmentPlan;
  artifacts: BuiltArtifact[];
  actor: Actor;
  reason: string | null;
  evidence: EvidenceItem[];
  /** Of when it became live, where it was before: going back to it makes no new ones. */
  receipts?: Seal[];
  /** rollback and redeploy: a person's signed word for it, verified by a worker. Absent = none was asked for. */
  decisions?: EvidenceItem[];
  /** Of when it became live: where its database was, and the backup that was made before. Absent = none. */
  database?: DatabaseState;
  backup?: BackupRecord;
  /** rollback: what becomes of the database. Absent = nothing. */
  databaseWay?: DatabaseWay;
  /** rollback: what a person has said the database is restored from. */
  restore?: BackupRecord;
  /** rollback: not every host has the colour that is warm, so it is deployed to. */
  deploysAgain?: true;
  /** readmit: the hosts. */
  hosts?: string[];
  /** Told the outcome; null for changes asked for directly (rollback, redeploy). */
  promotionId: string | null;
}

/** A release that was there is to come again. */
interface AskedAgain {
  requestId: string;
  actor: Actor;
  reason: string | null;
  /** What the person signed, where the policy says who may. */
  statement?: SignedStatement;
}

/** `request` signal of the environment. For rollback and redeploy the environment fills in the record itself. */
export type EnvironmentRequest =
  | { type: 'change'; request: ChangeRequest }
  | ({
      type: 'rollback';
      version: string | null;
      /** Name of the backup to restore the database from. Absent = it is not restored. */
      restoreDatabase?: string;
    } & AskedAgain)
  | ({ type: 'redeploy' } & AskedAgain);

/** Start argument of the environment entity, also carried through continue-as-new (`carried`). */
export interface EnvironmentInput {
  pipeline: string;
  environment: string;
  carried: EnvironmentState | null;
  /** Signals after which history starts afresh; absent = 5,000 (the server refuses the 10,001st). */
  signalLimit?: number;
}

/** `withdraw` signal of the environment. */
export interface Withdrawal {
  requestId: string;
  /** Who says so; null = nobody, it was superseded. */
  decision: Decision | null;
}

/** `superseded` signal of release, promotion and change: a newer commit is on its way to this environment. */
export interface Superseded {
  environment: string;
  /** The newer one. */
  version: string;
  commit: string;
}

export interface Announcement {
  requestId: string;
  workflowId: string;
  phase: 'building' | 'waiting' | 'queued' | 'ended';
  version: string;
  commit: string;
  /** Shas of ancestors of `commit` among the commits this environment knows: ancestry decides, not arrival. */
  supersedes: string[];
  waitingFor: string | null;
  since: string;
  queue: 'newest' | 'fifo';
}

export interface Freeze {
  by: string;
  /** `ssh` = signed by somebody the policy lets freeze. */
  proof: 'unverified' | 'ssh';
  until: string | null;
  reason: string | null;
  /** Absent = the reason is what whoever passed it on made of it, also where the freeze was signed. */
  isReasonSigned?: boolean;
  since: string;
}

export interface Cutover {
  token: number;
  requestId: string;
  /** What served before; null on a first deploy. */
  previous: ReleaseRecord | null;
  target: ReleaseRecord;
  /** What the deploy found on the hosts; null = this change deploys nothing. Sent before the deploy begins. */
  prior: PriorState[] | null;
  /** Colour that had the traffic; also where no release of ours is recorded. */
  previousColour?: Colour | null;
  /** false: sent before the deploy; true: sent again as traffic moves. */
  switching: boolean;
  /** Where the database was before this change, and where that has brought it; absent = it has not been touched. */
  database?: { before: DatabaseState; after: DatabaseState | null };
  /** A rollback has begun to take the database back, or to restore it. Absent = neither. */
  rewinds?: Rewinding;
}

export type Rewinding = 'revert' | 'restore';

/** `apart` signal of the environment, as soon as a host stands apart: should the change die, nobody waits for that one. */
export interface GoesWithout {
  requestId: string;
  apart: HostApart;
}

export interface InFlight {
  request: ChangeRequest;
  token: number;
  cutover: Cutover | null;
  /** Hosts it goes on without, as far as it has said so. Absent = none. */
  apart?: HostApart[];
  /** It was taken back: should the lane turn out to be held, it does not go back into the queue. */
  withdrawn?: Decision;
}

/** `denied`: nobody's word for it counted, so that the word itself may still come. */
export interface Processed {
  requestId: string;
  result: ChangeResult;
  denied?: true;
}

/** A host apart, as the environment keeps it. */
export interface HostWaiting extends HostApart {
  /** ISO time when what is live is tried there again; null = a release brings it back. */
  againAt: string | null;
  /** How often that was done. */
  tries: number;
  /** Who wants it tried now, or left out until the next release. Absent = nobody said so. */
  wordOf?: string;
}

/** All the environment remembers. `live` is the last release that settled (or was put back). */
export interface EnvironmentState {
  pipeline: string;
  environment: string;
  token: number;
  live: ReleaseRecord | null;
  /** Warm idle colour, if there is one. `uneven`: a host that stood apart has something else in it. */
  warm: { record: ReleaseRecord; retireAt: string; uneven?: true } | null;
  /** Newest first, at most 20, each good once. */
  good: ReleaseRecord[];
  queue: ChangeRequest[];
  inFlight: InFlight | null;
  announced: Announcement[];
  freeze: Freeze | null;
  /** Request ids already handled and their results, newest first, at most 200. */
  processed: Processed[];
  /** Set when an unwind left something behind: nothing enters until a person has looked. */
  needsPerson: string | null;
  /** What helps there; absent = nobody needs to look, or an older worker wrote it down. */
  personsWayOut?: string;
  /** Ids of the decisions taken lately (histories from before this field have none). */
  decided?: string[];
  /** Signed words that did not count, newest last, at most 20. */
  denials?: Denial[];
  /** To the change that made live what is live. Absent = nothing, or it was an older worker. */
  said?: Said;
  /** Hosts that do not serve what is live. Absent = none. */
  apart?: HostWaiting[];
  /** The request that was given a second chance above a token its hosts had seen already. */
  raisedFor?: string;
  /** The rollback that found its warm colour dead and deploys its release again. */
  coldFor?: string;
}

export interface EnvironmentStatus extends EnvironmentState {
  headline: string;
  /** Signed words that no worker has looked at yet. Absent in runs of older workers. */
  claims?: number;
}

export interface ChangeInput {
  token: number;
  request: ChangeRequest;
  live: ReleaseRecord | null;
  /** The warm idle colour, if there is one: a rollback to it is one switch; `retire` stops it. */
  warm: ReleaseRecord | null;
  /** recover: hosts in quarantine, those that the dead change had put there too, which may be out of reach for days; what is live comes to them later. Absent = none. */
  quarantined?: string[];
  /** recover: what the dead holder left. */
  recovering: { token: number; cutover: Cutover | null; request: ChangeRequest } | null;
}

/** Whose approval of a release cannot count. */
export interface Excluding {
  /** true: it counts all the same. */
  selfApproval: boolean;
  /** Who asked for the release. */
  requester: string;
  /** Names and addresses of the authors of its commits. */
  authors: string[];
  /** Who forced a gate of it. */
  forcers: string[];
}

export interface ProgressStatus {
  headline: string;
  state: StepState;
  pipeline: string;
  environment: string;
  version: string;
  commit: CommitFacts;
  artifacts: BuiltArtifact[];
  planHash: string;
  requestedBy: string;
  /** `unverified` on every screen until identities can be proven. */
  identity: 'unverified';
  waitingFor: string | null;
  waitingSince: string | null;
  /** ISO time when the wait ends by itself, and how. */
  waitEnds: { at: string; then: string } | null;
  approvals: Approval[];
  /** What an approval is signed about, besides the rest here; absent where nothing is asked for. */
  approving?: {
    requestId: string;
    mustSign: boolean;
    /** Is an approval missing that is given with a token? Absent in runs of older workers. */
    byToken?: 'some' | 'every';
    expiresMs: number;
    /** What only GitHub can give now, and how; null = people's words here are missing. Absent in runs of older workers. */
    onGithub?: string | null;
    /** Absent in runs of older workers. */
    excluding?: Excluding;
  };
  /** Of a change: what a switch is signed about, besides the rest here, and whose word it takes (null = anybody's). */
  switching?: { requestId: string; token: number; groups: readonly string[] | null };
  /** What GitHub said when it was asked for approvals, rule by rule. Absent in runs of older workers. */
  onGithub?: string[];
  /** Approvals, forces and signed switches that did not count. Absent in runs of older workers, as is the next. */
  denials?: Denial[];
  /** What people decided besides approving and rejecting. */
  decisions?: TakenDecision[];
  /** Gates that were forced. Absent in runs of older workers. */
  forced?: ForcedGate[];
  /** Approvals and signed switches that no worker has looked at yet. */
  claims?: number;
  /** Ids of those that counted. Absent in runs of older workers. */
  decided?: string[];
  colour: Colour | null;
  steps: StepReport[];
  unwind: UnwindReport[];
  failure: FailureReport | null;
  /** Before a restore: `v2 stopped: …`, or why what was live goes on running. Absent = nothing was stopped yet. */
  stopped?: string;
  /** The same block the UI and memo show. */
  report: string;
}

/** `status` query of a release; its promotions answer with `ProgressStatus` themselves. */
export interface ReleaseStatus {
  headline: string;
  state: StepState;
  pipeline: string;
  version: string;
  /** null until the worker has resolved the plan. */
  commit: CommitFacts | null;
  artifacts: BuiltArtifact[];
  /** What was asked for. Absent in runs of older workers, as is the next. */
  ref?: ReleaseRef;
  /** Environments where it has not come to its end; null until the worker has resolved the plan. */
  goesTo?: string[] | null;
  /** Plan, gates, build. */
  steps: StepReport[];
  /** Every promotion started so far, in the order of `after`. */
  promotions: { environment: string; workflowId: string; state: StepState }[];
  skipped: { environment: string; why: string }[];
  /** Gates that were forced, and forces that did not count. Absent in runs of older workers. */
  forced?: ForcedGate[];
  denials?: Denial[];
  /** That it was aborted. Absent in runs of older workers. */
  decisions?: TakenDecision[];
  failure: FailureReport | null;
  report: string;
}
