/** What a decision is asked with, and what came of it. */
import type { DecisionReply, ProgressStatus } from '../workflows/messages.js';
import type { DecisionTarget } from './targets.js';

export interface DecisionOptions {
  /** Needed when two are in flight. */
  version?: string | null;
  reason?: string | null;
}

export interface ApproveOptions extends DecisionOptions {
  group?: string | null;
  /** What the person looked at: another plan or digest by then voids the approval, and nothing else is signed. */
  shown?: ProgressStatus | null;
  /** SSH key to sign with; else as `SLIPWAY_SIGNING_KEY` says, else the usual one. Only used where proof is asked for. */
  key?: string | null;
  /** Default `process.env`. */
  env?: NodeJS.ProcessEnv;
}

export interface Decided {
  decisionId: string;
  /** How the person proved to be who they are; absent = not at all. */
  proof?: 'ssh' | 'unverified';
  target: DecisionTarget;
  reply: DecisionReply;
}
