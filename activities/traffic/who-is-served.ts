/** Which colour users really get: asked of the proxy, never read from a file. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Colour } from '../../pipeline/plan.js';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import { probeColour } from './probe-colour.js';

const AGREEING = 3;
const MOST_ANSWERS = 30;
const PAUSE_MS = 50;

export interface Served {
  /** null = nothing answers, or no colour of ours. */
  colour: Colour | null;
  /** Did anything answer, whatever it was? */
  answered: boolean;
}

/** The same colour three times in a row over new connections. */
export async function whoIsServed(confirm: ConfirmPlan, signal?: AbortSignal): Promise<Served> {
  let row: { colour: Colour | null; length: number } = { colour: null, length: 0 };
  let answered = false;
  for (let asked = 0; asked < MOST_ANSWERS; asked += 1) {
    const { colour, status } = await probeColour(confirm, signal === undefined ? {} : { signal });
    answered ||= status !== null;
    row = { colour, length: row.colour === colour ? row.length + 1 : 1 };
    if (row.length >= AGREEING) return { colour: row.colour, answered };
    // proxies mix colours for a moment while they reload
    await sleep(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
  }
  return { colour: null, answered };
}
