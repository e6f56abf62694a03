import type { Seal } from '../pipeline/plan.js';

/** Of one command on a database, where its plan does not say. */
export const DATABASE_COMMAND_MS = 30 * 60_000;

/** Where a database is. */
export interface DatabaseState {
  /** As `current` prints it; `base` = nothing was ever migrated, null = the pipeline has no `current`. */
  revision: string | null;
  /** By the worker that asked. */
  seal?: Seal;
}

/** Made before anything was migrated. */
export interface BackupRecord {
  name: string;
  /**
   * Name of the host where it was made, and where it is looked for. Absent = the commands run on the worker, or an older
   * worker made it.
   */
  host?: string;
  /** Was it read back? */
  proven: boolean;
  note: string;
  /** ISO time when it was begun. Absent from older workers, as is the next. */
  at?: string;
  /** By the worker that made it: nothing else is restored. */
  seal?: Seal;
}

/** What a rollback means for a database. */
export interface DatabaseWay {
  /**
   * `back`: what came since the release that comes back did more than add. `forward`: that release is the newer one.
   * `stays`: it can live with the database as it is, or nothing tells.
   */
  way: 'back' | 'forward' | 'stays';
  /** Where it was while that release ran; null = nothing tells. */
  to: DatabaseState | null;
}
