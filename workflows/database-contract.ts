/** What the steps on a database are asked and find. Part of activity-contract.ts. */
import type { BackupRecord, DatabaseState } from './database-state.js';
import type { PriorState } from './result.js';
import type { Target } from './target.js';

export interface MigrateResult {
  after: DatabaseState;
  note: string;
}

export interface RevertInput {
  target: Target;
  /** Where it was before this change. */
  before: DatabaseState;
  /** Where this change brought it; null = it never came to an end that was heard of. */
  after: DatabaseState | null;
  /** A rollback: the target is what it leaves, and its `live` what comes back, which ran at `before`. */
  settled?: true;
}

/** By a person's word: the target is what a rollback leaves, and its `live` what comes back. */
export interface RestoreInput {
  target: Target;
  backup: BackupRecord;
  /** What was found on the hosts. */
  prior: PriorState[];
  /** Names of the hosts that stay out of it. Absent = none. */
  apart?: string[];
}
