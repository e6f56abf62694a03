/** Before a database is restored, what writes to it stops: the release's own processes, never the database beside them. */
import { whyItGoesOn } from '../../pipeline/goes-on-in-restore.js';
import type { UndoResult } from '../../workflows/activity-contract.js';
import { stopOwnServices } from './compose-stop.js';
import { detailsOf, isRefusal } from '../failure.js';
import type { Platform, PlatformContext } from './platform.js';

/** What was stopped and is to run again is deployed again. A note says what goes on running, and why. */
export async function stopWriters(platform: Platform, context: PlatformContext): Promise<UndoResult> {
  const { plan, colour, version } = context.target;
  const stays = (why: string): UndoResult => ({
    outcome: 'never-ran',
    note: `${version} goes on running: ${why}`,
  });
  const known = whyItGoesOn(plan, colour);
  if (known !== null) return stays(known);
  if (plan.platform.kind === 'compose') return await stopOwnServices(context);
  try {
    const { outcome, note } = await platform.retire(context, colour);
    return { outcome, note: `${version} stopped: ${note}` };
  } catch (error) {
    // one that runs on every node has no replicas to take away
    const why = plan.platform.kind === 'command' ? null : detailsOf(error);
    if (why?.what === undefined || !isRefusal(error)) throw error;
    return stays(why.what);
  }
}

/** What several hosts say alike, once and with their names; one host needs none. */
export function sayOnce(results: (UndoResult & { host: string })[]): UndoResult[] {
  if (results.length < 2) return results;
  return [...new Set(results.map(({ note }) => note))].map((note) => {
    const alike = results.filter((result) => result.note === note);
    const outcome = alike.some((result) => result.outcome === 'undone') ? 'undone' : 'never-ran';
    return { outcome, note: `${alike.map(({ host }) => host).join(', ')}: ${note}` };
  });
}
