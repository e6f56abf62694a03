/** The change that an environment is busy with, for views that look once. */
import { laneId } from '../workflows/names.js';
import { type ChangeInHand, isParked } from './needs-hands.js';
import type { SlipwayClient } from './release-client.js';
import { askTrouble } from './trouble.js';

/** null = it is not known any more. An undo that does not come through says what its last try met. */
export async function askChangeInFlight(
  client: SlipwayClient,
  environment: string,
): Promise<ChangeInHand | null> {
  const workflowId = laneId(client.pipeline, environment);
  const change = await client.progress(workflowId);
  if (!isParked(change) || change === null || change.state === 'waiting') return change;
  return { ...change, trouble: await askTrouble(client.link, workflowId) };
}
