/** What gates that ask GitHub have in common: they wait for it within their time, and it is never a pass not to know. */
import { setTimeout as pause } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { GatePlan } from '../../pipeline/plan.js';
import type { GateAnswer } from './gate-answer.js';

export interface Look {
  /** `wait`: look again until the gate's time is over; `early`: it may not have begun yet, look again for a while. */
  state: 'decided' | 'wait' | 'early';
  /** The answer if nobody looks again. */
  answer: GateAnswer;
}

const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 60_000;
const PAUSE_FACTOR = 1.5;
/** A push starts its release and its CI at once; until then GitHub shows nothing of CI. */
const EARLY_MS = 2 * 60_000;

/**
 * Looks until it is decided or the gate's time is over, counted over all attempts. GitHub that cannot be asked is
 * retried as long, and in the end an error, as is what GitHub refuses.
 */
export async function askUntilDecided(
  gate: GatePlan,
  signal: AbortSignal,
  look: () => Promise<Look>,
): Promise<GateAnswer> {
  const beganMs = Context.current().info.scheduledTimestampMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * PAUSE_FACTOR, LONGEST_PAUSE_MS)) {
    const { state, answer } = await lookOnce(look, signal, beganMs + gate.timeoutMs);
    const waitedMs = Date.now() - beganMs;
    const longestMs = state === 'early' ? Math.min(EARLY_MS, gate.timeoutMs) : gate.timeoutMs;
    if (state === 'decided' || waitedMs >= longestMs) return answer;
    await pause(Math.min(pauseMs, longestMs - waitedMs), undefined, { signal });
  }
}

async function lookOnce(look: () => Promise<Look>, signal: AbortSignal, untilMs: number): Promise<Look> {
  try {
    return await look();
  } catch (error) {
    if (signal.aborted || !(error instanceof ApplicationFailure)) throw error;
    const nextMs = Date.now() + (typeof error.nextRetryDelay === 'number' ? error.nextRetryDelay : 0);
    if (error.nonRetryable !== true && nextMs < untilMs) throw error;
    return { state: 'decided', answer: { verdict: 'error', note: error.message } };
  }
}
