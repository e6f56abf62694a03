/** `slipway rollback --restore-database`: from which backup, and what a person is told before it is done. */
import { whyItGoesOn } from '../pipeline/goes-on-in-restore.js';
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

/** Which backup it is and where, what is lost, what is stopped, and what users feel. */
export function describeRestore(
  { environment, live }: Pick<EnvironmentStatus, 'environment' | 'live'>,
  { backup, before, at }: FoundBackup,
): string[] {
  const read = backup.proven ? 'read back when it was made' : 'nobody has read it back';
  const lies = backup.host === undefined ? '' : ` It lies on ${backup.host}, and is read and restored there.`;
  return [
    `The database of ${environment} is restored from ${backup.name},`,
    `made before ${before}, on ${formatMoment(at)}; ${read}.${lies}`,
    `Everything written to it since is lost. It cannot be undone.`,
    ...describeWriters(live),
  ];
}

/** Of what is live, by its plan. */
function describeWriters(live: EnvironmentStatus['live']): string[] {
  if (live === null) return [];
  const { version, plan, colour } = live;
  const stays = whyItGoesOn(plan, colour);
  if (stays !== null)
    return [
      `${version} goes on running meanwhile, and what it writes may be lost or be in the way: ${stays}.`,
      'Let the restore command keep it out of the database (PostgreSQL: pg_terminate_backend), or stop it by hand first.',
    ];
  const gap = 'so nothing answers until the release that comes back serves';
  switch (plan.platform.kind) {
    case 'compose':
      return [`${version} stops first, ${gap}: the containers of images it builds; others go on running.`];
    case 'swarm':
    case 'kubernetes':
      return [`${version} stops first, ${gap}; one that runs on every node goes on running.`];
    case 'command':
    case 'helm':
    case 'stack':
      return [`${version} stops first, ${gap}.`];
  }
}
