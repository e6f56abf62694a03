/**
 * Undoing on one host. A release insists on it; a host that is only tried again holds nobody up: what cannot be put back in
 * time stands apart as it is, until its next try.
 */
import { CancellationScope, isCancellation, patched } from '@temporalio/workflow';
import type { Calling } from './activity-options.js';
import { quarantine, type ChangeRun } from './change-run.js';
import { SET_APART_WITHIN_MS } from './hosts-apart.js';
import { readFailure } from './read-failure.js';

/** null = it stands apart. */
export async function orApart<T>(
  run: ChangeRun,
  host: string,
  calling: Calling,
  undo: (calling: Calling) => Promise<T>,
): Promise<T | null> {
  if (run.input.request.kind !== 'readmit') return await undo({ ...calling, insist: true });
  try {
    return await undo({ ...calling, scheduleToCloseMs: SET_APART_WITHIN_MS });
  } catch (error) {
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
    const { meaning, report } = readFailure(error, host, '');
    if (meaning === 'stale' || !patched('readmission-undo-yields')) throw error;
    quarantine(run, host, report.what);
    return null;
  }
}
