/** What a decision is asked with, and what came of it. */
import type { DecisionReply, ProgressStatus, SignedStatement } from '../workflows/messages.js';
import type { DecisionTarget } from './targets.js';

export interface DecisionOptions {
  /** Needed when two are in flight: the version or, where both have the same, the request id. */
  version?: string | null;
  reason?: string | null;
}

export interface SigningOptions {
  /** SSH key to sign with; else as `SLIPWAY_SIGNING_KEY` says, else the usual one. With it a decision is always signed. */
  key?: string | null;
  /** Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Sign also where nobody asks for it. */
  insists?: boolean;
}

export interface ApproveOptions extends DecisionOptions, SigningOptions {
  group?: string | null;
  /** What the person looked at: another plan or digest by then voids the approval, and nothing else is signed. */
  shown?: ProgressStatus | null;
}

export interface RollbackOptions extends DecisionOptions {
  /** From `signRollback`, where the policy says who may; `version` is then the one that was signed. */
  signed?: { requestId: string; statement: SignedStatement } | null;
}

export interface Decided {
  decisionId: string;
  /** How the person proved to be who they are; absent = not at all. */
  proof?: 'ssh' | 'unverified';
  target: DecisionTarget;
  reply: DecisionReply;
}
