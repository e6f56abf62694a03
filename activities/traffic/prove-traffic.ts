/** Before anything is touched: could traffic be moved, and moved back? */
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import { findOwnUrl, locateColour } from '../checks/colour-address.js';
import { refused, unreachable } from '../failure.js';
import type { Host } from '../hosts/host.js';
import { lastLookChecks } from './last-look.js';
import { openTraffic, type TrafficDependencies } from './open-traffic.js';
import { probeColour } from './probe-colour.js';

/**
 * Read only. The proxy accepts its configuration, it says which colour answers, and each colour can be asked by
 * itself. Throws Refused or BadInput with the way out; retryable when a proxy that serves a release does not answer.
 */
export async function proveTraffic(
  dependencies: TrafficDependencies,
  target: Target,
  signal?: AbortSignal,
): Promise<string> {
  const { plan } = target;
  const traffic = await openTraffic(dependencies, target);
  const proven = await traffic.prove();
  const openHost = (host: HostPlan): Promise<Host> => dependencies.hosts.open(plan, host);
  for (const colour of ['blue', 'green'] as const) {
    const own = await findOwnUrl(plan, colour, openHost);
    for (const check of lastLookChecks(plan.checks)) locateColour(plan, check.url, colour, own);
  }
  const { confirm } = traffic.plan;
  const answer = await probeColour(confirm, signal === undefined ? {} : { signal });
  if (answer.colour !== null) return `${proven}; ${answer.colour} is served`;
  // nothing behind the proxy yet: a first release cannot show its colour
  if (target.live === null) return `${proven}; nothing is served yet`;
  if (answer.status === null) {
    throw unreachable({
      what: `${confirm.url} does not answer (${answer.seen}), so a switch could not be confirmed`,
      where: plan.name,
      why: null,
      wayOut: 'start the proxy, or correct confirm.url; it is asked from the worker',
    });
  }
  // a live release that fails must not keep its repair out
  if (answer.status >= 500) return `${proven}; the live release answers ${answer.seen}`;
  throw refused({
    what: `${confirm.url} answers ${answer.seen}, so a switch could not be confirmed`,
    where: plan.name,
    why: null,
    wayOut: `let the application or the proxy say its colour (blue or green) in ${confirm.header ?? 'the body'} (docs/traffic.md)`,
  });
}
