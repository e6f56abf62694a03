/** The way out of a run: what is refused there must not cost its result. */
import { log } from '@temporalio/workflow';
import { readFailure } from './read-failure.js';

/** Does it, or says in the log why it could not be done; `what` as in `could not take the request back`. */
export async function attempt(what: string, where: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    log.warn(`${where}: could not ${what}: ${readFailure(error, where, '').report.what}`);
  }
}
