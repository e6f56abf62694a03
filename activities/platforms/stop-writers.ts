/** Before a database is restored, what writes to it stops: the release's own processes, never the database beside them. */
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
  // their commands run in its network
  if ((plan.database?.inside ?? null) !== null) return stays('the commands run inside it');
  switch (plan.platform.kind) {
    case 'compose':
      return await stopOwnServices(context);
    case 'stack':
    case 'helm':
      // a colour is the release's alone; without colours the database may be among it
      if (colour === null) return stays(`nobody knows what of the ${plan.platform.kind} is the database`);
      break;
    case 'command':
      if (plan.platform.retire === null) return stays('there is no retire command');
      break;
    case 'swarm':
    case 'kubernetes':
      break;
  }
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
