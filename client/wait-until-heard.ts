/** What was said may have to be looked at by a worker: waited for, since the answer to the message itself comes before. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ProgressStatus } from '../workflows/messages.js';
import type { Decided } from './decided.js';

type Heard = Pick<ProgressStatus, 'denials' | 'claims'>;

const PATIENCE_MS = 15_000;
const AGAIN_MS = 100;

/** The decision with what a worker made of it; as it was where none has said so in time. */
export async function afterHearing(decided: Decided, look: () => Promise<Heard | null>): Promise<Decided> {
  const { reply, decisionId } = decided;
  if (!reply.accepted) return decided;
  for (const givenUpAt = Date.now() + PATIENCE_MS; Date.now() < givenUpAt; await pause(AGAIN_MS)) {
    const now = await look().catch(() => null);
    const denial = now?.denials?.find((each) => each.decisionId === decisionId);
    if (denial !== undefined)
      return {
        ...decided,
        reply: { ...reply, accepted: false, refused: denial.why },
        ...(denial.wayOut === undefined ? {} : { wayOut: denial.wayOut }),
      };
    if ((now?.claims ?? 0) === 0) break;
  }
  return decided;
}
