/** Waiting on conditions. */
import { setTimeout as sleep } from 'node:timers/promises';

const SHORTEST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 300;

/**
 * Asks until `condition` answers something; throws what it waited for when time is over. A long wait asks less often:
 * a question can cost a server more than the wait is worth, and what is a sixth late is early enough.
 */
export async function until<Answer>(
  what: string,
  condition: () => Promise<Answer | null | undefined | false> | Answer | null | undefined | false,
  timeoutMs = 50_000,
): Promise<Answer> {
  const startedAt = Date.now();
  for (;;) {
    const answer = await condition();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, waitedMs / 6)));
  }
}
