/** Believing a switch: the wanted colour has answered N times in a row, through the proxy. No exit code counts. */
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Colour } from '../../pipeline/plan.js';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import { probeColour, wasCutOff, type ColourAnswer } from './probe-colour.js';

/** Every so many answers come over a new connection: a kept one may be held by a worker that is on its way out. */
const NEW_CONNECTION_EVERY = 4;
const PAUSE_AFTER_WRONG_MS = { first: 5, most: 100 };

export interface ObserveInput {
  confirm: ConfirmPlan;
  colour: Colour;
  /** A 5xx of the wanted colour counts as its answer: on the way back a sick old colour is better than none. */
  acceptSick: boolean;
  signal: AbortSignal;
  /** Called after every answer: heartbeats. */
  onAnswer: (confirmed: number) => void;
}

export interface Observation {
  /** Answers of the wanted colour in a row; less than `times` = the time was over first. */
  confirmed: number;
  /** From the start of the observation to the first answer of the unbroken row; null = none. */
  firstAfterMs: number | null;
  /** The last answer that was not of the wanted colour, for people; null = there was none. */
  lastWrong: ColourAnswer | null;
  /** Has anything answered at all? */
  answered: boolean;
}

/** Ends when confirmed or after `confirm.timeoutMs`; rejects only when aborted. */
export async function observeColour(input: ObserveInput): Promise<Observation> {
  const { confirm, colour, signal } = input;
  const startedAt = performance.now();
  const agent = new (confirm.url.startsWith('https:') ? https : http).Agent({
    keepAlive: true,
    maxSockets: 1,
  });
  const seen: Observation = { confirmed: 0, firstAfterMs: null, lastWrong: null, answered: false };
  let wrongInARow = 0;
  try {
    for (let asked = 0; ; asked += 1) {
      const leftMs = confirm.timeoutMs - (performance.now() - startedAt);
      if (leftMs <= 0) return seen;
      const fresh = asked % NEW_CONNECTION_EVERY === 0;
      const answer = await probeColour(confirm, { ...(fresh ? {} : { agent }), signal, timeoutMs: leftMs });
      seen.answered ||= answer.status !== null;
      const sick = (answer.status ?? 500) >= 500;
      if (answer.colour === colour && (input.acceptSick || !sick)) {
        seen.firstAfterMs ??= performance.now() - startedAt;
        seen.confirmed += 1;
        wrongInARow = 0;
      } else {
        const lastWrong = wasCutOff(answer, startedAt + confirm.timeoutMs)
          ? (seen.lastWrong ?? answer)
          : answer;
        Object.assign(seen, { confirmed: 0, firstAfterMs: null, lastWrong });
        wrongInARow += 1;
      }
      input.onAnswer(seen.confirmed);
      if (seen.confirmed >= confirm.times) return seen;
      const pauseMs = Math.max(
        confirm.intervalMs,
        Math.min(wrongInARow * PAUSE_AFTER_WRONG_MS.first, PAUSE_AFTER_WRONG_MS.most),
      );
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
    }
  } finally {
    agent.destroy();
  }
}
