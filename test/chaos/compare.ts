/** What a verdict is made of: what was found beside what must be, and patience where something heals by itself. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ReleaseRecord } from '../../workflows/result.js';
import type { Output } from '../support/docker-host.js';

const HEALS_WITHIN_MS = 60_000;

/** Looks again while it may still be healing; what is wrong after that is wrong. */
export async function onceHealed(look: () => Promise<string[]>): Promise<string[]> {
  const givenUpAt = Date.now() + HEALS_WITHIN_MS;
  for (;;) {
    const wrongs = await look();
    if (wrongs.length === 0 || Date.now() > givenUpAt) return wrongs;
    await delay(500);
  }
}

/** In words; empty = the same things, in whichever order. */
export function compare(what: string, found: string[], wanted: string[]): string[] {
  const list = (texts: string[]): string => texts.toSorted().join(', ') || 'none';
  return list(found) === list(wanted) ? [] : [`${what} are ${list(found)}, not ${list(wanted)}`];
}

/** `repository@digest`, as containers and workloads name it. */
export function imageOf({ artifacts }: ReleaseRecord): string {
  return artifacts.map(({ repository, digest }) => `${repository}@${digest}`).join(', ');
}

/** Without the tag before the digest, which says it all. */
export function untagged(image: string): string {
  return image.replace(/:[^:/@]+@/, '@');
}

export function linesOf({ stdout }: Output): string[] {
  return stdout.split('\n').filter((line) => line !== '');
}
