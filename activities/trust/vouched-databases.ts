/** Where a database was, and what was kept of it: nobody takes it back to anywhere else, or restores anything else. */
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import type { BackupRecord, DatabaseState } from '../../workflows/database-state.js';
import { denied } from './denied.js';
import type { SealKeys } from './seal-keys.js';
import { aboutBackup, aboutDatabase, isSame, openSeal } from './statements.js';

/** How often in a row a recovery may die itself. */
const RECOVERIES = 10;

export class VouchedDatabases {
  constructor(private readonly keys: SealKeys) {}

  /**
   * It was there, or was brought there, in this change or in one that died a few tokens before: with an older word
   * anybody could send it back to its beginning.
   */
  isOfChange(target: Target, state: DatabaseState): void {
    this.require(target, state, target.token - RECOVERIES);
  }

  /** It was there in whichever change of this very release: a rollback goes back to how that one ran. */
  wasAt(target: Target, state: DatabaseState | null): void {
    this.require(target, state, 0);
  }

  /** It was made in a change of this environment. */
  hasBackup(plan: EnvironmentPlan, backup: BackupRecord): void {
    const said = openSeal(this.keys, backup.seal, 'backup');
    if (said !== null && isSame(said, aboutBackup(plan, backup))) return;
    throw denied(
      `${plan.pipeline} ${plan.name}, database`,
      `nobody vouches that ${backup.name} was made here`,
      `nothing was touched; one that an older worker made is restored by hand`,
    );
  }

  private require(target: Target, state: DatabaseState | null, oldest: number): void {
    const said = openSeal(this.keys, state?.seal, 'database');
    if (said !== null && state !== null) {
      const expected = aboutDatabase(target, state);
      const { token } = expected;
      if (said.token <= token && said.token >= oldest && isSame({ ...said, token }, expected)) return;
    }
    throw denied(
      `${target.plan.pipeline} ${target.plan.name}, database`,
      'where it was before is not vouched for',
    );
  }
}
