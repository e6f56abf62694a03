/** What a decision is asked with, and what came of it. */
import type { DecisionReply, ProgressStatus } from '../workflows/messages.js';
import type { SignedStatement } from '../workflows/signed-statements.js';
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
  /** Signed as well, where anything is. */
  reason?: string | null;
  /** Sign also where nobody asks for it. */
  insists?: boolean;
}

export interface ApproveOptions extends DecisionOptions, SigningOptions {
  group?: string | null;
  /** Approve with a token instead of a signature; its command prints one, null = `SLIPWAY_TOKEN_COMMAND`, else the CI's. */
  oidc?: { command: string | null } | null;
  /** What the person looked at: another plan or digest by then voids the approval, and nothing else is signed. */
  shown?: ProgressStatus | null;
}

export interface RollbackOptions extends DecisionOptions {
  /** Name of the backup that the database is restored from; null or absent = it is not. What is signed names it as well. */
  restoreDatabase?: string | null;
  /** From `signRollback`, where the policy says who may; `version` and `reason` are then those that were signed. */
  signed?: Pick<SignedRollback, 'requestId' | 'reason' | 'statement'> | null;
}

export interface SignedRollback {
  requestId: string;
  /** As it was signed: with any other it does not count. */
  reason: string | null;
  statement: SignedStatement;
  /** As `Decided.proof`. */
  proof: 'ssh' | 'unverified';
}

export interface Decided {
  decisionId: string;
  /** How the person proved to be who they are; absent = not at all. What is signed unasked proves nothing: nobody verifies it. */
  proof?: 'ssh' | 'oidc' | 'unverified';
  target: DecisionTarget;
  reply: DecisionReply;
  /** What helps where a worker did not count what was signed; other refusals say it in `reply.refused`. */
  wayOut?: string;
}

/** A refusal as decisions give it: `what; way out`. */
export function splitRefusal(refused: string): { what: string; wayOut: string | null } {
  const [what = '', ...rest] = refused.split('; ');
  return { what, wayOut: rest.length === 0 ? null : rest.join('; ') };
}
