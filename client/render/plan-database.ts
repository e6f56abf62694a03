/** What a release would do to the environment's database, and in what order to its hosts. */
import { isOnWorker, placesOfPlan } from '../../pipeline/places-of-plan.js';
import { formatDuration } from '../../pipeline/durations.js';
import type { DatabasePlan, EnvironmentPlan } from '../../pipeline/plan.js';
import { DATABASE_COMMAND_MS } from '../../workflows/database-state.js';
import { plain } from './text.js';

/** Where its commands run, then each of them with its moment; none without a database. */
export function describeDatabase(plan: EnvironmentPlan): string[] {
  const { database, strategy } = plan;
  if (database === null) return [];
  const { current, restore, contract, timeoutMs = DATABASE_COMMAND_MS } = database;
  const whenRetired = strategy === 'blue-green' ? 'once the old colour is retired' : 'before it settles';
  return [
    `commands of the file, ${describePlace(plan, database)}, each within ${formatDuration(timeoutMs)}`,
    ...describeMigration(plan, database),
    current === null ? 'where it is: nothing tells' : `where it is: ${plain(current)}`,
    ...describeUndo(plan, database),
    ...(contract === undefined ? [] : [`contract, ${whenRetired}: ${plain(contract)}`]),
    ...(restore === null
      ? []
      : [`restore, only by a person's word (rollback --restore-database): ${plain(restore)}`]),
  ];
}

function describePlace(plan: EnvironmentPlan, { inside }: DatabasePlan): string {
  const [first, ...others] = placesOfPlan(plan);
  const orNext = others.length === 0 ? '' : ', or the first host that is not left out';
  const host = `${plain(first?.name ?? 'no host')}${orNext}`;
  if (inside !== null) return `in a container like ${plain(inside)} on ${host}, of the release's image`;
  return isOnWorker(plan) ? 'on the worker, in a checkout of the commit' : `on ${host}`;
}

function describeMigration({ steps }: EnvironmentPlan, { migrate, backup, prove }: DatabasePlan): string[] {
  if (migrate === null) return ['migrate: nothing, the release leaves it as it is'];
  const readBack = prove === undefined ? 'which nobody reads back' : `read back by ${plain(prove)}`;
  const made = backup !== null && steps.includes('backup');
  return [
    made ? `backup, first: ${plain(backup)}, ${readBack}` : 'backup: none',
    `migrate, before the deploy: ${plain(migrate)}`,
  ];
}

/** Only what a migration of this change has moved. */
function describeUndo({ gates }: EnvironmentPlan, { migrate, current, revert }: DatabasePlan): string[] {
  if (migrate === null) return [];
  if (revert === null || current === null) return ['undo: it stays as migrated, there is no revert command'];
  const reads = gates.filter(({ kind }) => kind === 'migrations').map(({ name }) => plain(name));
  const unless = reads.length === 0 ? '' : `, unless gate ${reads.join(', ')} has read that it only adds`;
  return [`revert, when undone or rolled back${unless}: ${plain(revert)}`];
}

/** Of several hosts: how many at once, and what becomes of one that fails; none for one place. */
export function describeRollout(plan: EnvironmentPlan): string[] {
  const { batch, maxFailures, failedHost } = plan.rollout;
  const { length } = placesOfPlan(plan);
  if (length < 2) return [];
  const pace =
    batch >= length
      ? `all ${String(length)} hosts at the same time`
      : `${String(batch)} of ${String(length)} hosts at a time`;
  const apart = failedHost === 'quarantine' ? 'is quarantined' : 'goes back to the release before';
  const failing =
    maxFailures === 0 ? 'none may fail' : `${String(maxFailures)} may fail: such a host ${apart}`;
  return [`${pace}; ${failing}`];
}
