/**
 * What workflows return: short first (the UI shows the start of a result), facts after. A release or promotion that
 * failed ends Failed (red means look): its ApplicationFailure carries the very same result as first `details` entry.
 */
import type { Colour, EnvironmentPlan, CommitFacts, Seal } from '../pipeline/plan.js';
import type { BackupRecord, DatabaseState } from './database-state.js';
import type { Proof } from './missing-approvals.js';

export type StepState =
  | 'pending'
  | 'running'
  | 'waiting'
  | 'succeeded'
  | 'failed'
  | 'inconclusive'
  | 'aborted'
  | 'superseded'
  | 'rolled-back';

export interface BuiltArtifact {
  name: string;
  kind: 'image' | 'folder';
  /** Image repository without tag, or the folder. */
  repository: string;
  /** `sha256:…`: for images the index digest. */
  digest: string;
  /** Gates of its release that were forced before it was built; absent = none. */
  forced?: ForcedGate[];
  /** By the worker that built or adopted it. */
  seal?: Seal;
}

/** A gate that said no, and who let the release pass it all the same. */
export interface ForcedGate {
  gate: string;
  by: string;
  reason: string;
  ticket: string;
}

/** A release an environment serves or has served: everything needed to bring it back. */
export interface ReleaseRecord {
  version: string;
  commit: CommitFacts;
  artifacts: BuiltArtifact[];
  plan: EnvironmentPlan;
  colour: Colour | null;
  token: number;
  at: string;
  by: string;
  /** What let it in: with it, it may come back. */
  evidence?: EvidenceItem[];
  /** By workers, of each step that made it live: another environment comes after this one only with them. */
  receipts?: Seal[];
  /** Where the database was while it ran, once its migration was over; absent = it had none, or none that tells. */
  database?: DatabaseState;
  /** Of the database as the release before left it; `slipway rollback --restore-database` asks for it. */
  backup?: BackupRecord;
}

export interface EvidenceItem {
  kind: 'gate' | 'approval' | 'wait' | 'decision';
  name: string;
  verdict: 'pass' | 'fail' | 'waived' | 'forced' | 'error' | 'approved';
  by: string | null;
  at: string;
  note: string | null;
  /** What a person signed and does not count: what helps. */
  wayOut?: string;
  /** approval, forced and decision: how the person proved to be who they are. */
  proof?: Proof;
  /** approval and decision: why, as the person has signed it; absent = that was not signed. */
  reason?: string | null;
  /** approval: the group it counts for; null = none. */
  group?: string | null;
  /** approval on GitHub: the branch or the environment it is about. */
  of?: string | null;
  /** approval on GitHub: where it can be read. */
  url?: string;
  /** forced: where it is written down; `note` is the reason. */
  ticket?: string;
  /** By the worker that looked. */
  seal?: Seal;
  /** Of an earlier environment: that the commit was carried out there. */
  receipts?: Seal[];
  /** sha256 (hex) of the report a gate was decided by. */
  reportSha?: string;
}

/** An approval, a force or a signed decision that does not count, and why. */
export interface Denial {
  by: string;
  why: string;
  /** What helps; absent = nobody said. */
  wayOut?: string;
  /** Of the approval or decision, or the request of a rollback; `force GATE`. */
  decisionId: string;
  /** `approval`, `switch`, `rollback`, `freeze`, `unfreeze`, `force of GATE`. Absent in runs of older workers, as is the next. */
  decision?: string;
  /** ISO time. */
  at?: string;
}

/** A word of somebody's that was taken: who said what, why, and how it is known to be theirs. */
export interface TakenDecision {
  /** `switch`, `rollback`, `redeploy`, `abort`, `back`, `pause`, `resume`, `retry`, `skip-host web-2`. */
  decision: string;
  by: string;
  /** `ssh` = signed by somebody the policy lets. */
  proof: 'ssh' | 'unverified';
  /** As whoever sent it wrote it; null = none was given. */
  reason: string | null;
  /** As the person signed it. */
  isReasonSigned?: true;
  /** ISO time. */
  at: string;
  /** Of the decision, or the request of a rollback: what two runs took is told once. */
  decisionId: string;
}

/** What people said to a change, newest last, at most 20 of each. */
export interface Said {
  decisions: TakenDecision[];
  denials: Denial[];
}

/** A host that stays out of the release while the others go on. */
export interface HostApart {
  host: string;
  /**
   * `quarantined`: stopped or left out, and tried again by itself unless a person said to leave it out. `before`: put
   * back, it keeps the release before until the next one.
   */
  state: 'quarantined' | 'before';
  why: string;
  /** ISO time. */
  since: string;
  /** The person who said to leave it out: it is not tried again by itself. Absent = nobody, or an older worker. */
  skippedBy?: string;
}

export interface ChangeResult {
  headline: string;
  state: 'succeeded' | 'failed' | 'aborted' | 'rolled-back' | 'superseded';
  /** Does the environment serve what is recorded as live, with nothing left half done? */
  clean: boolean;
  live: ReleaseRecord | null;
  warm: ReleaseRecord | null;
  steps: StepReport[];
  unwind: UnwindReport[];
  failure: FailureReport | null;
  switchMs: number | null;
  backMs: number | null;
  /** Absent = nothing was, or it is of an older worker. */
  said?: Said;
  /** Hosts that stay out of it; absent = none. */
  apart?: HostApart[];
  /** What is warm cannot live with the database any more: it is stopped right away. Absent = it can. */
  warmIsStale?: true;
}

export interface PromotionResult {
  headline: string;
  state: 'succeeded' | 'failed' | 'aborted' | 'superseded' | 'rolled-back';
  environment: string;
  /** refused = nothing was touched (gate, rejection, expiry). */
  refused: boolean;
  clean: boolean;
  change: ChangeResult | null;
  evidence: EvidenceItem[];
  /** Gates of the release and of this promotion that were forced; absent = none. */
  forced?: ForcedGate[];
  failure: FailureReport | null;
}

export interface ReleaseResult {
  headline: string;
  state: 'succeeded' | 'failed' | 'aborted' | 'superseded';
  version: string;
  commit: CommitFacts;
  artifacts: BuiltArtifact[];
  promotions: PromotionResult[];
  skipped: { environment: string; why: string }[];
  /** What its own gates said, where one of them was forced or a force did not count. */
  evidence?: EvidenceItem[];
  /** Gates that were forced, anywhere on its way; absent = none. */
  forced?: ForcedGate[];
  failure: FailureReport | null;
}

export interface StepReport {
  name: string;
  state: StepState;
  tookMs: number | null;
  note: string | null;
  /** What it found that stops nothing, with what helps; a few, each cut. Absent = nothing. */
  warnings?: string[];
}

export interface UnwindReport {
  step: string;
  outcome: 'undone' | 'never-ran' | 'undo-failed';
  note: string | null;
  tookMs: number | null;
}

export interface FailureReport {
  what: string;
  where: string;
  why: string | null;
  wayOut: string;
  /** A target has seen this higher token. */
  seenToken?: number;
}

/** What a platform found on one host before the deploy: opaque to workflows, the undo's input. */
export interface PriorState {
  host: string;
  /** Random id written at the first claim: a reinstalled host has another. */
  hostId: string;
  platform: unknown;
  /** Colour of the host's own proxy, where each has one; null = it led nowhere. */
  serving?: Colour | null;
  /** Nothing there said that it is that colour: what is down cannot be seen to be back. */
  mute?: true;
  /** It said so with errors only. */
  sick?: true;
  /** By the worker that found it: an undo brings back nothing else. */
  seal?: Seal;
}

/** Steps that only look, or write no more than our own fence. */
const BEFORE_TOUCHING = ['preflight', 'claim', 'proveWayBack', 'readBackup'];

/**
 * It failed before anything of the team's was touched: refused by the environment, or while it was only looked at. Of an
 * old one the steps are forgotten, and not what was undone.
 */
export function touchedNothing({ state, clean, ...rest }: ChangeResult): boolean {
  return state === 'failed' && clean && onlyLooked(rest);
}

/** It ended before anything of the team's was touched, for whatever reason. */
export function onlyLooked({ steps, unwind }: Pick<ChangeResult, 'steps' | 'unwind'>): boolean {
  const begun = steps.filter((step) => step.state !== 'pending');
  return begun.length === 0
    ? unwind.every(({ outcome }) => outcome === 'never-ran')
    : begun.every(({ name }) => BEFORE_TOUCHING.includes(name));
}
