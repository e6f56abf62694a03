/** What a workflow says of itself. */
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { QUERY } from '../workflows/names.js';
import type { TemporalLink } from './connect.js';

/** Rejects with WorkflowNotFoundError where there is none. */
export function askStatus<Status>(link: TemporalLink, handle: WorkflowHandle): Promise<Status> {
  return link.ask(() => handle.query<Status>(QUERY.status));
}

/** null = there is no such workflow (any more). */
export function unlessUnknown<Answer>(asking: Promise<Answer>): Promise<Answer | null> {
  return asking.catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  });
}
