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
  /** Was each of the answers that agree an error (5xx)? A proxy may name the colour of what is down. */
  sick?: true;
}

/** The same colour three times in a row over new connections. */
export async function whoIsServed(confirm: ConfirmPlan, signal?: AbortSignal): Promise<Served> {
  let row = { colour: null as Colour | null, length: 0, errors: 0 };
  let answered = false;
  for (let asked = 0; asked < MOST_ANSWERS; asked += 1) {
    const { colour, status } = await probeColour(confirm, signal === undefined ? {} : { signal });
    answered ||= status !== null;
    if (row.colour !== colour) row = { colour, length: 0, errors: 0 };
    row.length += 1;
    if ((status ?? 500) >= 500) row.errors += 1;
    if (row.length >= AGREEING)
      return { colour, answered, ...(row.errors === row.length ? { sick: true } : {}) };
    // proxies mix colours for a moment while they reload
    await sleep(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
  }
  return { colour: null, answered };
}
