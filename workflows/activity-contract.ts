/**
 * Every side effect, as the workflows see it. `activities/` implements this interface, fakes in tests satisfy it,
 * and each activity here has a class of timeouts in activity-options.ts. One object in, one object out.
 *
 * Rules that hold for all: adopt before create (being already there is success); a `do` may run twice; an `undo`
 * treats "never happened" as success and restores only if the present state is what the `do` wrote; a refusal by
 * the world is a non-retryable failure, a world that cannot be asked is a retryable one (see failures.ts).
 * While it runs every activity heartbeats at least once a second: the timeouts of a dead worker count on it.
 */
import type {
  ApprovalRule,
  Colour,
  CommitFacts,
  DecisionSubject,
  EnvironmentPlan,
  ForceRule,
  GatePlan,
  ReleasePlan,
  ReleaseRef,
  Seal,
} from '../pipeline/plan.js';
import type { BakeInput, VerifyInput, VerifyResult } from './check-contract.js';
import type { MigrateResult, RestoreInput, RevertInput } from './database-contract.js';
import type { BackupRecord, DatabaseState } from './database-state.js';
import type { Announcement, Decision, EnvironmentRequest, ReleaseRequest, Withdrawal } from './messages.js';
import type { SignedStatement, SshStatement } from './signed-statements.js';
import type { Approval } from './missing-approvals.js';
import type { BuiltArtifact, ChangeResult, EvidenceItem, PriorState, ReleaseRecord } from './result.js';
import type { Receipted, Target } from './target.js';

/**
 * Work on the hosts of a change. A fleet's change names one host: the plan of two hundred does not fit into two hundred
 * inputs, so the worker asks the lane itself for the target (`QUERY.target`) and puts it in here.
 */
export interface OnHosts {
  /** Absent = it names a host. */
  target?: Target;
  /** One of the sealed plan's; absent = all of the target's. */
  host?: string;
  /** What was found there; empty where nothing was looked at. */
  prior: PriorState[];
}

/** As activities are given it. */
export function targetOf({ target }: Pick<OnHosts, 'target'>): Target {
  if (target === undefined) throw new Error('the worker has not put in the target of this host');
  return target;
}

export interface PreflightFinding {
  where: string;
  thing: string;
  state: 'ok' | 'warning' | 'problem';
  message: string;
  wayOut: string | null;
}

export type { PriorState } from './result.js';
export type { Receipted, Target } from './target.js';
export type { BakeInput, CheckOutcome, VerifyInput, VerifyResult } from './check-contract.js';

export interface ClaimResult {
  hosts: { host: string; hostId: string; previousToken: number }[];
  /**
   * Colour the proxy sends users to although nothing is recorded as live: somebody's own release, before Slipway
   * came. The other colour was claimed.
   */
  serving?: Colour | null;
}

export interface WayBackResult {
  /** `first-deploy`: there is nothing to go back to, and undo means removing. */
  wayBack: 'proven' | 'first-deploy';
  note: string;
  prior: PriorState[];
}

export interface DeployResult extends Receipted {
  note: string;
}

export interface SwitchInput extends Pick<OnHosts, 'target' | 'host'> {
  to: Colour;
  /** false on the way back: the old colour is asked once, but a sick one is still better than none. */
  requireHealthy: boolean;
  /** Where traffic was before, for compare-and-set; null = anywhere. */
  from: Colour | null;
  /** Percent of the users that go to `to`; absent = all of them. */
  share?: number;
  /** Of the proxies of several hosts, those that served something else than `to` before; null = nothing, so they stay. */
  before?: Record<string, Colour | null>;
  /** Those of them where nothing said its colour before. */
  mute?: string[];
}

export interface SwitchResult extends Receipted {
  /** Answers of the wanted colour in a row; with a share, of each colour at least one. */
  confirmed: number;
  /** Milliseconds from the start of the activity until the first answer of the wanted colour. */
  tookMs: number;
  note: string;
}

export interface UndoResult {
  outcome: 'undone' | 'never-ran';
  note: string;
}

export interface EnvironmentAnswer {
  /** Known once the request has ended. */
  result: ChangeResult | null;
  live: ReleaseRecord | null;
  /** Is the request queued, in flight or ended there? false: it never arrived, or the environment was lost. */
  knows: boolean;
  /** Shas of the commits this environment has served well, newest first. */
  goodCommits: string[];
  /** Of the newest of them that is the commit asked about. */
  receipts?: Seal[];
  /** Other commits on their way to this environment: announced, queued or in flight. */
  underway: { commit: string; queue: 'newest' | 'fifo' }[];
}

export interface Activities {
  // release
  resolvePlan(input: ReleaseRequest): Promise<ReleasePlan>;
  /** `seal` is that of the plan the gate belongs to. */
  runGate(input: { gate: GatePlan; plan: GateSubject; seal?: Seal }): Promise<EvidenceItem>;
  /** Builds what no earlier release of this commit has built; pushes once. */
  buildArtifacts(input: {
    plan: ReleasePlan;
    /** What the release's own gates said. */
    evidence?: EvidenceItem[];
  }): Promise<{
    artifacts: BuiltArtifact[];
    adopted: boolean;
    /** Why what was there already was not adopted. */
    note?: string;
  }>;
  tagArtifacts(input: { target: Target }): Promise<{ tags: string[] }>;

  // talking to the environment entity (a workflow cannot signalWithStart)
  /** A release that begins to build is told what askEnvironment knows; anybody else null. */
  announce(input: {
    pipeline: string;
    environment: string;
    announcement: Announcement;
  }): Promise<EnvironmentAnswer | null>;
  requestChange(input: { pipeline: string; environment: string; request: EnvironmentRequest }): Promise<void>;
  /** A queued request is dropped; one in flight is aborted with this decision. */
  withdrawRequest(input: { pipeline: string; environment: string; withdrawal: Withdrawal }): Promise<void>;
  askEnvironment(input: {
    pipeline: string;
    environment: string;
    requestId: string | null;
    /** Whose receipts are asked for. */
    commit?: string;
  }): Promise<EnvironmentAnswer>;
  /** When the window lets something through next; null = it is open. In an activity, since workflows know no time zones. */
  nextOpening(input: { window: WindowPlan }): Promise<{ opensAt: string | null }>;
  /** Is nothing to begin now, by the plan or by the policy of this moment? `evidence` = it may, and a worker vouches for it. */
  passFreeze(
    input: Pick<Target, 'plan' | 'version' | 'commit' | 'artifacts' | 'evidence'>,
  ): Promise<{ frozen: { until: string; why: string } | null; evidence: EvidenceItem | null }>;
  /** Which of the commits announced to this environment are ancestors of (older than) `commit`. */
  listAncestors(input: {
    repositoryUrl: string;
    commit: string;
    candidates: string[];
  }): Promise<{ ancestors: string[] }>;

  // GitHub
  /**
   * Who has given on GitHub what the rule asks for. Answers at once, or (`known`) when somebody else has; until then it
   * fails as STILL_WAITS, and is tried again.
   */
  findGithubApprovals(input: GithubQuestion): Promise<GithubAnswer>;
  /**
   * One deployment per request; `success` makes inactive what served before. Where a later one serves already it is
   * given `inactive` instead.
   */
  recordDeployment(input: DeploymentRecord): Promise<{
    deploymentId: number;
    adopted: boolean;
    inactivated: number[];
  }>;
  /** `slipway/<environment>` on the commit; false when it was there already. */
  setCommitStatus(input: CommitStatus): Promise<{ context: string; written: boolean }>;
  /** One comment per pipeline and environment, edited when it is there; null without a pull request. */
  commentOnPullRequest(input: {
    repositoryUrl: string;
    commit: string;
    pipeline: string;
    environment: string;
    markdown: string;
  }): Promise<{ commentUrl: string | null }>;

  /** Does it count? `approved`, or `fail` with the reason as its note. */
  verifyApproval(input: ApprovalClaim): Promise<EvidenceItem>;

  /** May this person do it, and is that what they signed? `approved`, or `fail` with the reason as its note. */
  verifyDecision(input: DecisionClaim): Promise<EvidenceItem>;

  /** May this gate be passed although it says no? `forced`, or `fail` with the reason as its note. */
  verifyForce(input: ForceClaim): Promise<EvidenceItem>;

  // change
  /** `unreachable`: of several hosts, those that could not be asked; absent = none. */
  preflight(input: {
    target: Target;
  }): Promise<{ findings: PreflightFinding[]; unreachable?: { host: string; why: string }[] }>;
  claim(input: { target: Target }): Promise<ClaimResult>;
  proveWayBack(input: { target: Target }): Promise<WayBackResult>;
  /** Where the database is, before anything is done to it. */
  readDatabase(input: { target: Target }): Promise<DatabaseState>;
  backupDatabase(input: { target: Target }): Promise<BackupRecord>;
  migrateDatabase(input: { target: Target; before: DatabaseState }): Promise<MigrateResult>;
  /** Takes away what only the release before needed. */
  contractDatabase(input: { target: Target }): Promise<{ note: string }>;
  /** Can it be read again? Throws Refused when not; nothing was touched. */
  readBackup(input: RestoreInput): Promise<{ note: string }>;
  /** What is live stops, so that nothing writes to the database, as far as its platform can without ending that too. */
  stopWriters(input: RestoreInput): Promise<UndoResult>;
  /** May have done half of it when it fails: again it begins anew. */
  restoreDatabase(input: RestoreInput): Promise<{ note: string }>;
  deploy(input: OnHosts): Promise<DeployResult>;
  verify(input: VerifyInput): Promise<VerifyResult>;
  measureBaseline(input: { target: Target }): Promise<{ baseline: Record<string, number | null> }>;
  bake(input: BakeInput): Promise<VerifyResult>;
  retireColour(input: { target: Target; colour: Colour }): Promise<UndoResult>;

  // urgent queue
  switchTraffic(input: SwitchInput): Promise<SwitchResult>;
  undoDeploy(input: OnHosts): Promise<UndoResult>;
  /** Back to `before`, if it is where this change brought it and the release before cannot live with that. */
  revertDatabase(input: RevertInput): Promise<UndoResult>;
  /** Stops what this release or the one before runs on a host, so that no user is sent there. */
  stopHost(input: OnHosts): Promise<UndoResult>;
  /** recover: kills what the dead holder left running on the hosts, then says what is really there. */
  takeOver(input: { target: Target }): Promise<TakeOverResult>;

  // looking, never touching
  inspectEnvironment(input: InspectInput): Promise<InspectResult>;
}

/** What an approval is about, wherever it is given. */
export interface ApprovalSubject {
  plan: EnvironmentPlan;
  requestId: string;
  version: string;
  commit: CommitFacts;
  artifacts: BuiltArtifact[];
  requester: string;
  /** Gates of the environment that were forced, as workers sealed them: who forced one approves nothing. */
  forced?: EvidenceItem[];
}

/** An approval as it came in, and what it is said to be about. */
export interface ApprovalClaim extends ApprovalSubject {
  decision: Decision;
  /** Those that count already: who is in several groups speaks for one that is missing. */
  counted?: Approval[];
}

/** A signed decision as it came in, and what it is said to be about. */
export interface DecisionClaim {
  subject: DecisionSubject;
  by: string;
  /** As it was sent: not what was signed if somebody has exchanged it. Absent in runs of older workers. */
  reason?: string | null;
  statement: SignedStatement;
}

/** A force as it came in, and the gate that said no. */
export interface ForceClaim {
  gate: GatePlan;
  /** What the gate belongs to: a promotion's environment, or the release itself. */
  plan: EnvironmentPlan | ReleasePlan;
  requestId: string;
  /** What the gate was asked about, and what it said. */
  subject: GateSubject;
  refusal: EvidenceItem;
  force: SshStatement;
}

export type WindowPlan = NonNullable<EnvironmentPlan['window']>;

export interface GateSubject {
  pipeline: string;
  repositoryUrl: string;
  commit: CommitFacts;
  ref: ReleaseRef;
  version: string;
  artifacts: BuiltArtifact[];
  /** The environments the gate speaks for: one in a promotion, all of the plan in a release; absent in older runs. */
  environments?: string[];
}

export interface GithubQuestion extends ApprovalSubject {
  /** One of the plan's, by github-review or github-environment. */
  rule: ApprovalRule;
  /** Who counts for it already; null = the first time. */
  known: string[] | null;
}

export interface GithubAnswer {
  /** Each person once, and each sealed. */
  approvals: EvidenceItem[];
  /** Who said no to a deployment to the GitHub environment. */
  rejectedBy: string[];
  /** Where they were given, and what did not count and why. */
  note: string;
}

export interface DeploymentRecord {
  /** Of the release or rollback: asked for again it is another deployment. */
  requestId: string;
  repositoryUrl: string;
  commit: string;
  pipeline: string;
  environment: string;
  production: boolean;
  version: string;
  /** Of the environment's plan. */
  planHash: string;
  state: 'queued' | 'pending' | 'in_progress' | 'success' | 'failure' | 'error' | 'inactive';
  /** Cut to 140 characters. */
  description: string;
  environmentUrl: string | null;
  /** Where the run can be watched: an address, or a path of the UI, left out by a worker that does not know the UI. */
  logUrl: string | null;
}

export interface CommitStatus {
  repositoryUrl: string;
  commit: string;
  environment: string;
  state: 'pending' | 'success' | 'failure' | 'error';
  /** Cut to 140 characters. */
  description: string;
  /** As `logUrl` of a deployment. */
  targetUrl: string | null;
}

export interface TakeOverResult {
  /** Colour the proxy really serves; null without colours or when nothing answers. */
  serving: Colour | null;
  killed: string[];
}

export interface InspectInput {
  /** `policy` = what the worker's policy makes of this plan. */
  what: 'doctor' | 'logs' | 'policy';
  plan: EnvironmentPlan;
  /** policy only: what the release would come from. */
  origin?: { ref: ReleaseRef; repository: string; file: string; force?: ForceRule };
  step: string | null;
  host: string | null;
  lines: number;
  live: ReleaseRecord | null;
}

/** The plan a worker would carry out, and what of it its policy does not allow. */
export interface PolicyAnswer {
  plan: EnvironmentPlan;
  problems: { what: string; where: string; wayOut: string }[];
  /** What is left of the release's own `force`; null = nothing. Absent from older workers. */
  force?: ForceRule | null;
}

export interface InspectResult {
  policy?: PolicyAnswer;
  findings: PreflightFinding[];
  log: { host: string; text: string }[];
}
