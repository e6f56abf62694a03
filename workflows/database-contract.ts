/** What the steps on a database are asked and find. Part of activity-contract.ts. */
import type { DatabaseState } from './database-state.js';
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
}
