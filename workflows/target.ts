import type { Colour, CommitFacts, EnvironmentPlan, Seal } from '../pipeline/plan.js';
import type { ChangeKind } from './messages.js';
import type { BuiltArtifact, EvidenceItem, ReleaseRecord } from './result.js';

/** The one thing a change writes to: an environment, under a fence. */
export interface Target {
  plan: EnvironmentPlan;
  /** The fence: a host that has seen a higher one refuses. */
  token: number;
  version: string;
  commit: CommitFacts;
  artifacts: BuiltArtifact[];
  /** Colour this change deploys to; null without colours. */
  colour: Colour | null;
  /** Deterministic prefix of operation ids: `<token>`. The step is added by the activity. */
  live: ReleaseRecord | null;
  /** What let this release in: gates and approvals, each sealed by the worker that looked. */
  evidence?: EvidenceItem[];
  /** Of a release that comes back: that it was carried out here. What was live may come back on old evidence. */
  receipts?: Seal[];
  /** Of the request; absent from older workers. A way back may begin in a freeze. */
  kind?: ChangeKind;
  /** Signed and verified words that this change goes by: to switch, to come back. Absent = none. */
  decisions?: EvidenceItem[];
  /** Of the sealed plan, where `plan` leaves out hosts that a person skipped. */
  whole?: Pick<EnvironmentPlan, 'hosts' | 'traffic'>;
}

/** A step that was carried out, sealed by the worker that did. */
export interface Receipted {
  receipt?: Seal;
}
