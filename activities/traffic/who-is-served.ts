/** Which colour users really get: asked of the proxy, never read from a file. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Colour, ConfirmPlan } from '../../pipeline/plan.js';
import { probeColour } from './probe-colour.js';

const AGREEING = 3;
const MOST_ANSWERS = 30;
const PAUSE_MS = 50;

/** The same colour three times in a row over new connections; null when nothing answers, or no colour of ours. */
export async function whoIsServed(confirm: ConfirmPlan, signal?: AbortSignal): Promise<Colour | null> {
  let row: { colour: Colour | null; length: number } = { colour: null, length: 0 };
  for (let asked = 0; asked < MOST_ANSWERS; asked += 1) {
    const { colour } = await probeColour(confirm, signal === undefined ? {} : { signal });
    row = { colour, length: row.colour === colour ? row.length + 1 : 1 };
    if (row.length >= AGREEING) return row.colour;
    // proxies mix colours for a moment while they reload
    await sleep(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
  }
  return null;
}
