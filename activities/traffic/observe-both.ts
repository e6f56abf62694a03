/**
 * Believing a share: each colour has answered through the proxy, and nothing else has in between. How many answers are
 * whose is chance, so the share itself is what the proxy was told; only the last step, all of them, is confirmed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import { probeColour } from './probe-colour.js';

const PAUSE_MS = 20;

export interface BothObservation {
  seen: boolean;
  /** Good answers since the last bad one. */
  answers: number;
  /** The last answer that was no colour's, or an error; null = there was none. */
  lastWrong: string | null;
}

/** Ends when both were seen, `confirm.times` answers at least, or after `confirm.timeoutMs`; rejects only when aborted. */
export async function observeBoth(input: {
  confirm: ConfirmPlan;
  signal: AbortSignal;
  onAnswer: (answers: number) => void;
}): Promise<BothObservation> {
  const { confirm, signal } = input;
  const endsAt = performance.now() + confirm.timeoutMs;
  const seen = { blue: 0, green: 0 };
  let lastWrong: string | null = null;
  for (;;) {
    const leftMs = endsAt - performance.now();
    const answers = seen.blue + seen.green;
    if (leftMs <= 0) return { seen: false, answers, lastWrong };
    // over new connections: a kept one may be held by a worker of the old configuration
    const answer = await probeColour(confirm, { signal, leftMs });
    if (answer.cutOff)
      return { seen: false, answers, lastWrong: answers === 0 ? (lastWrong ?? answer.seen) : lastWrong };
    if (answer.colour === null || (answer.status ?? 500) >= 500) {
      Object.assign(seen, { blue: 0, green: 0 });
      lastWrong = answer.seen;
    } else seen[answer.colour] += 1;
    input.onAnswer(seen.blue + seen.green);
    if (seen.blue > 0 && seen.green > 0 && seen.blue + seen.green >= confirm.times)
      return { seen: true, answers: seen.blue + seen.green, lastWrong };
    await sleep(Math.max(confirm.intervalMs, PAUSE_MS), undefined, { signal });
  }
}
