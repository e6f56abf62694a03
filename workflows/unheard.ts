/** How many signed words a run lets wait for a worker, and how long it goes on listening: anybody can send thousands. */
import { patched, workflowInfo } from '@temporalio/workflow';

const MOST_UNHEARD = 20;

/**
 * Why no further word is looked at now, `what; way out`; null = one is. Each that is looked at costs about fifteen events,
 * and the server ends a run whose history is too long; long before it says so. Runs from before this patch took all.
 */
export function refuseToHear(unheard: number, wayOut: string): string | null {
  if (unheard >= MOST_UNHEARD && patched('few-words-wait'))
    return `${unheard} words wait to be looked at; say it again in a moment`;
  if (workflowInfo().continueAsNewSuggested && patched('few-words-wait'))
    return `too much was said here that did not count; ${wayOut}`;
  return null;
}
