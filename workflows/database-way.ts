/** What a rollback means for the database, by what the environment remembers of its releases. Pure. */
import type { BackupRecord, DatabaseWay } from './database-state.js';
import type { EnvironmentState } from './messages.js';
import type { EvidenceItem, ReleaseRecord } from './result.js';

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

type Named = Pick<ReleaseRecord, 'version' | 'commit'>;

function placeOf(good: ReleaseRecord[], { version, commit }: Named): number {
  return good.findIndex((each) => each.version === version && each.commit.sha === commit.sha);
}
