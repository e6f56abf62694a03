/** What a workflow says of itself. */
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { QUERY } from '../workflows/names.js';
import { readStatus } from './answers/read-answer.js';
import type { TemporalLink } from './connect.js';

/** Rejects with WorkflowNotFoundError where there is none, with UserError (exit 8) where what answers is no status of it. */
export async function askStatus<Status>(link: TemporalLink, handle: WorkflowHandle): Promise<Status> {
  const answer: unknown = await link.ask(() => handle.query(QUERY.status));
  return readStatus<Status>(link, handle.workflowId, answer);
}

/** null = there is no such workflow (any more). */
export function unlessUnknown<Answer>(asking: Promise<Answer>): Promise<Answer | null> {
  return asking.catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  });
}
