/** What a rollback means for the database, by what the environment remembers of its releases. Pure. */
import type { BackupRecord, DatabaseWay } from './database-state.js';
import type { EnvironmentState } from './messages.js';
import type { EvidenceItem, FailureReport, ReleaseRecord } from './result.js';

type Remembered = Pick<EnvironmentState, 'good' | 'live'>;
type Judged = { plan: Pick<ReleaseRecord['plan'], 'gates'>; evidence?: EvidenceItem[] };

/** A gate has read the migrations of this very commit: they only add. One that was forced past has not. */
export function isExpandOnly({ plan, evidence = [] }: Judged): boolean {
  return plan.gates.some(
    ({ kind, name }) =>
      kind === 'migrations' &&
      evidence.some((item) => item.kind === 'gate' && item.name === name && item.verdict === 'pass') &&
      !evidence.some((item) => item.kind === 'gate' && item.name === name && item.verdict === 'forced'),
  );
}

/** From what is live to the release that comes back. */
export function databaseWay({ good, live }: Remembered, comesBack: Named): DatabaseWay {
  const from = live === null ? -1 : placeOf(good, live);
  const at = placeOf(good, comesBack);
  const target = good[at];
  const to = target?.database ?? null;
  const now = live?.database?.revision ?? null;
  if (from < 0 || target === undefined) return { way: 'stays', to };
  const isKnown = now !== null && to?.revision != null;
  if (isKnown && now === to.revision) return { way: 'stays', to };
  // what is there already does no harm to be migrated again
  if (at < from) return { way: target.plan.database?.migrate == null ? 'stays' : 'forward', to };
  if (!isKnown) return { way: 'stays', to };
  const passed = good.slice(from, at);
  const lives = passed.every((record, place) => {
    const before = passed[place + 1] ?? target;
    return record.database?.revision === before.database?.revision || isExpandOnly(record);
  });
  return { way: lives ? 'stays' : 'back', to };
}

export interface FoundBackup {
  backup: BackupRecord;
  /** Version of the release that came then. */
  before: string;
  /** ISO time: what was written since is not in it. Of an older worker's, when that release had settled. */
  at: string;
}

/** Of the database as this release left it, made by the one that came after it. null = none was. */
export function backupOf({ good, live }: Remembered, comesBack: Named): FoundBackup | null {
  const place = placeOf(good, comesBack);
  const from = live === null ? -1 : placeOf(good, live);
  const next = place > from && from >= 0 ? good[place - 1] : undefined;
  if (next?.backup === undefined) return null;
  return { backup: next.backup, before: next.version, at: next.backup.at ?? next.at };
}

/** `prod-before-v2-7 on web-3`; without a host where none is known. */
export function sayBackup({ name, host }: Pick<BackupRecord, 'name' | 'host'>): string {
  return host === undefined ? name : `${name} on ${host}`;
}

/** Commands and files of the release that is left, with the release that comes back. */
interface Restoring {
  plan: Pick<ReleaseRecord['plan'], 'pipeline' | 'name'>;
  /** Where the commands of the release that is left can run. */
  hosts: { name: string }[];
  /** Of those, names that stay out of this change. */
  apart?: string[];
  comesBack: string;
}

/** The host where it was made has it, and no other: why it cannot be read there. null = it can, or nobody knows the host. */
export function refuseHostOfBackup(
  { name, host }: Pick<BackupRecord, 'name' | 'host'>,
  { plan, hosts, apart = [], comesBack }: Restoring,
): FailureReport | null {
  if (host === undefined) return null;
  const where = `${plan.pipeline} ${plan.name}`;
  const back = `slipway rollback ${plan.name} ${comesBack}`;
  const byHand = `restore it by hand from ${host}, then ${back}`;
  if (!hosts.some((each) => each.name === host))
    return {
      what: `backup ${name} was made on ${host}, which is no host of what is live there`,
      ...{ where, why: `hosts: ${hosts.map((each) => each.name).join(', ')}`, wayOut: byHand },
    };
  if (!apart.includes(host)) return null;
  return {
    what: `backup ${name} was made on ${host}, which stays out of this rollback`,
    ...{ where, why: `out of it: ${apart.join(', ')}` },
    wayOut: `nothing was touched; mend ${host} (slipway retry ${plan.name} --host ${host} brings it back if it stands apart), then ${back} --restore-database without skipping it; or ${byHand}`,
  };
}

type Named = Pick<ReleaseRecord, 'version' | 'commit'>;

function placeOf(good: ReleaseRecord[], { version, commit }: Named): number {
  return good.findIndex((each) => each.version === version && each.commit.sha === commit.sha);
}
