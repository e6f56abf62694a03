/** What a run says to an environment, when the run is stopped meanwhile. */
import { patched } from '@temporalio/workflow';

/**
 * A word on its way is waited for: it must not come in after the one that takes it back. Runs from before this patch
 * did not wait.
 */
export function waitsForItsWords(): boolean {
  return patched('announcements-are-waited-for');
}
