/** What was said may have to be looked at by a worker: waited for, since the answer to the message itself comes before. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ProgressStatus } from '../workflows/messages.js';
import type { Denial } from '../workflows/result.js';
import type { Decided } from './decided.js';

type Heard = Pick<ProgressStatus, 'denials' | 'claims' | 'decided'>;

const PATIENCE_MS = 15_000;
const AGAIN_MS = 100;

/** The decision with what a worker made of it; as it was where none has said so in time. */
export async function afterHearing(decided: Decided, look: () => Promise<Heard | null>): Promise<Decided> {
  const { reply, decisionId } = decided;
  if (!reply.accepted) return decided;
  let denial: Denial | null = null;
  for (const givenUpAt = Date.now() + PATIENCE_MS; Date.now() < givenUpAt; await pause(AGAIN_MS)) {
    const now = await look().catch(() => null);
    if (now?.decided?.includes(decisionId) === true) return decided;
    denial = now?.denials?.findLast((each) => each.decisionId === decisionId) ?? denial;
    // until all is heard it may be of a bad copy, which somebody else has sent under the same id
    if (now !== null && (now.claims ?? 0) === 0) break;
  }
  if (denial === null) return decided;
  const { why, wayOut } = denial;
  return {
    ...decided,
    reply: { ...reply, accepted: false, refused: why },
    ...(wayOut === undefined ? {} : { wayOut }),
  };
}
