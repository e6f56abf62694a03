/** What a worker makes of what somebody said or signed; that it cannot be looked at is a no. */
import { isCancellation } from '@temporalio/workflow';
import { readFailure } from './read-failure.js';
import type { EvidenceItem } from './result.js';

const LOOK = "look at the worker's log, then say it again";

/** `claim` is what the answer is about where there is none. Rejects only when it is cancelled. */
export async function hearClaim(
  claim: Pick<EvidenceItem, 'kind' | 'name' | 'by'>,
  ask: () => Promise<EvidenceItem>,
): Promise<EvidenceItem> {
  try {
    return await ask();
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { what, wayOut } = readFailure(error, '', LOOK).report;
    return { ...claim, verdict: 'fail', at: new Date().toISOString(), note: what, wayOut };
  }
}
