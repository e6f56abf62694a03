/** Waiting for what was asked for to be there, and to stay: shared by the platforms that look at an engine themselves. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PlatformContext } from './platform.js';

const LOOK_EVERY_MS = 200;

export interface Glance {
  note: string;
  steady: boolean;
}

/**
 * Looks until it is steady, and resolves with the last note. `look` throws when it is clear that it will not be;
 * after the deadline (of `performance.now()`) what `timedOut` makes of the last look is thrown.
 */
export async function lookUntilSteady<Seen extends Glance>(
  context: PlatformContext,
  {
    deadline,
    look,
    timedOut,
  }: { deadline: number; look: () => Promise<Seen>; timedOut: (seen: Seen) => Promise<Error> },
): Promise<string> {
  for (;;) {
    const seen = await look();
    if (seen.steady) return seen.note;
    context.progress(seen.note);
    if (performance.now() > deadline) throw await timedOut(seen);
    await pause(LOOK_EVERY_MS, undefined, { signal: context.signal });
  }
}

/** Since when things are in a state, measured on this machine's clock only. */
export class FirstSights {
  private readonly since = new Map<string, number>();

  /** Keeps only who is still in this state, with the time of first sight. */
  see(ids: Iterable<string>): void {
    const present = new Set(ids);
    for (const id of this.since.keys()) if (!present.has(id)) this.since.delete(id);
    for (const id of present) if (!this.since.has(id)) this.since.set(id, performance.now());
  }

  /** Those that have been in it for at least so long. */
  olderThan(ageMs: number | ((id: string) => number)): Set<string> {
    const now = performance.now();
    const wanted = typeof ageMs === 'number' ? () => ageMs : ageMs;
    return new Set([...this.since].filter(([id, at]) => now - at >= wanted(id)).map(([id]) => id));
  }
}
