/** The same work on several hosts, some of them at a time. */
import { setTimeout as pause } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { PlatformManners } from './open-platform.js';

/** Hosts that are looked at or claimed at the same time. */
export const AT_A_TIME = 50;
/** Pauses before a host that could not be asked is asked again. */
const ASKED_AGAIN_MS = [1_000, 3_000, 8_000];

/** In the order of `items`. The first error in that order is thrown once its batch has come to its end. */
export async function inBatches<Item, T>(
  items: Item[],
  batch: number,
  work: (item: Item) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  const size = Math.max(1, batch);
  for (let start = 0; start < items.length; start += size) {
    const settled = await Promise.allSettled(items.slice(start, start + size).map(work));
    results.push(...settled.map(valueOf));
  }
  return results;
}

export function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** Of several hosts each that cannot be asked is named; a single one is Temporal's to try again. */
export async function lookAtEach<T>(
  places: HostPlan[],
  look: (place: HostPlan) => Promise<T[]>,
  manners: Pick<PlatformManners, 'progress' | 'signal'>,
): Promise<{ looked: T[]; unreachable: { host: string; why: string }[] }> {
  const unreachable: { host: string; why: string }[] = [];
  const tries = places.length === 1 ? [] : ASKED_AGAIN_MS;
  const lookAgain = async (place: HostPlan, [pauseMs, ...later]: number[]): Promise<T[]> => {
    try {
      return await look(place);
    } catch (error) {
      const isNo = error instanceof ApplicationFailure && error.nonRetryable === true;
      if (isNo || places.length === 1 || manners.signal.aborted) throw error;
      if (pauseMs === undefined) {
        unreachable.push({ host: place.name, why: error instanceof Error ? error.message : String(error) });
        return [];
      }
      manners.progress(`${place.name} cannot be asked, tried again`);
      await pause(pauseMs, undefined, { signal: manners.signal });
      return await lookAgain(place, later);
    }
  };
  const looked = await inBatches(places, AT_A_TIME, (place) => lookAgain(place, tries));
  return { looked: looked.flat(), unreachable };
}
