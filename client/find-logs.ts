import type { InspectInput } from '../workflows/activity-contract.js';
import type { SlipwayClient } from './release-client.js';
import { refused } from './user-error.js';

/** With the plan in flight, else the live one: the hosts as they were released to, whatever the file says today. */
export async function askForLogs(
  client: SlipwayClient,
  environment: string,
  wish: Pick<InspectInput, 'step' | 'host' | 'lines'>,
): Promise<InspectInput> {
  const status = await client.status(environment);
  if (status === null) await client.requireKnown(environment);
  const plan = status?.inFlight?.request.plan ?? status?.live?.plan ?? null;
  if (plan !== null) return { what: 'logs', plan, live: status?.live ?? null, ...wish };
  throw refused({
    what: 'nothing was released here, so there is nothing to read',
    where: environment,
    wayOut: 'slipway status shows the environments',
  });
}
