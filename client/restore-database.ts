/** `slipway rollback --restore-database`: from which backup, and what a person is told before it is done. */
import { backupOf, type FoundBackup } from '../workflows/database-way.js';
import { refuseRestore } from '../workflows/environment-memory.js';
import type { EnvironmentStatus } from '../workflows/messages.js';
import { formatMoment } from './render/time.js';
import { refused } from './user-error.js';

/** Of the database as this good release left it. Throws UserError (exit 5) when it cannot be restored. */
export function findRestore(status: EnvironmentStatus, version: string): FoundBackup {
  const record = status.good.find((each) => each.version === version);
  const refusal = record === undefined ? null : refuseRestore(status, record);
  if (refusal !== null) throw refused(refusal);
  const found = record === undefined ? null : backupOf(status, record);
  if (found !== null) return found;
  throw refused({
    what: `${version} is none of the last good releases there`,
    where: status.environment,
    wayOut: `slipway status ${status.environment}`,
  });
}

/** Which backup it is, what is lost, and what users feel. */
export function describeRestore(
  { environment, live }: Pick<EnvironmentStatus, 'environment' | 'live'>,
  { backup, before, at }: FoundBackup,
): string[] {
  const read = backup.proven ? 'read back when it was made' : 'nobody has read it back';
  return [
    `The database of ${environment} is restored from ${backup.name},`,
    `made before ${before}, on ${formatMoment(at)}; ${read}.`,
    `Everything written to it since is lost. ${live?.version ?? 'What is live'} stops first, so nothing`,
    `answers until the release that comes back serves. It cannot be undone.`,
  ];
}
