/** An approval is taken first and looked at by a worker afterwards: what came of it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { SlipwayClient } from './release-client.js';

const PATIENCE_MS = 15_000;
const AGAIN_MS = 100;

/** Why it does not count; null = it does, or nobody has said so in time. */
export async function waitUntilHeard(
  client: SlipwayClient,
  workflowId: string,
  decisionId: string,
): Promise<string | null> {
  for (const givenUpAt = Date.now() + PATIENCE_MS; Date.now() < givenUpAt; await pause(AGAIN_MS)) {
    const now = await client.progress(workflowId).catch(() => null);
    const denial = now?.denials?.find((each) => each.decisionId === decisionId);
    if (denial !== undefined) return denial.why;
    if ((now?.claims ?? 0) === 0) return null;
  }
  return null;
}
