/** Believing a switch: the wanted colour has answered N times in a row, through the proxy. No exit code counts. */
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Colour } from '../../pipeline/plan.js';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import { probeColour, type ColourAnswer } from './probe-colour.js';

/**
 * What is believed. `well`: the wanted colour without a 5xx. `sick`: the wanted colour, however it is; on the way back
 * that is better than none. `not-the-other`: before a first release perhaps nothing was there that could say its
 * colour, so whatever is not the other colour is right, and so is silence.
 */
export type Accepts = 'well' | 'sick' | 'not-the-other';

/** So long nothing, or errors of the proxy's own: what cannot be reached it answers late or never. */
const SILENCE_MS = 10_000;

/** Every so many answers come over a new connection: a kept one may be held by a worker that is on its way out. */
const NEW_CONNECTION_EVERY = 4;
const PAUSE_AFTER_WRONG_MS = { first: 5, most: 100 };

export interface ObserveInput {
  confirm: ConfirmPlan;
  colour: Colour;
  accepts: Accepts;
  signal: AbortSignal;
  /** Called after every answer: heartbeats. */
  onAnswer: (seen: Observation) => void;
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
  /** `not-the-other` only: nobody has answered for long enough. */
  silent: boolean;
}

/** Ends when confirmed or after `confirm.timeoutMs`; rejects only when aborted. */
export async function observeColour(input: ObserveInput): Promise<Observation> {
  const { confirm, accepts, signal } = input;
  const silenceMs = accepts === 'not-the-other' ? Math.min(SILENCE_MS, confirm.timeoutMs) : Infinity;
  const startedAt = performance.now();
  const connect = (): http.Agent =>
    new (confirm.url.startsWith('https:') ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
  let agent = connect();
  const seen: Observation = {
    ...{ confirmed: 0, firstAfterMs: null, lastWrong: null, answered: false, silent: false },
  };
  let wrongInARow = 0;
  let heardAt = startedAt;
  try {
    for (let asked = 0; ; asked += 1) {
      seen.silent = performance.now() - heardAt >= silenceMs;
      const leftMs = confirm.timeoutMs - (performance.now() - startedAt);
      if (leftMs <= 0 || seen.silent) return seen;
      const fresh = asked % NEW_CONNECTION_EVERY === 0;
      const answer = await probeColour(confirm, {
        ...(fresh ? {} : { agent }),
        ...{ signal, leftMs, patient: accepts !== 'well' },
      });
      seen.answered ||= answer.status !== null;
      if (isRight(answer, input)) {
        seen.firstAfterMs ??= performance.now() - startedAt;
        seen.confirmed += 1;
        wrongInARow = 0;
      } else {
        const lastWrong = answer.cutOff ? (seen.lastWrong ?? answer) : answer;
        Object.assign(seen, { confirmed: 0, firstAfterMs: null, lastWrong });
        wrongInARow += 1;
        // what balances connections keeps this one where it was for as long as it lasts
        agent.destroy();
        agent = connect();
      }
      if (isSomebodys(answer, input.colour)) heardAt = performance.now();
      input.onAnswer(seen);
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

function isSomebodys({ colour, status }: ColourAnswer, wanted: Colour): boolean {
  return (colour !== null && colour !== wanted) || (status !== null && status < 500);
}

function isRight({ colour, status }: ColourAnswer, { colour: wanted, accepts }: ObserveInput): boolean {
  if (accepts === 'not-the-other') return status !== null && (colour === null || colour === wanted);
  return colour === wanted && (accepts === 'sick' || (status ?? 500) < 500);
}
