/** Before anything is touched: could traffic be moved, and moved back? */
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import { findOwnUrl, locateColour } from '../checks/colour-address.js';
import { refused, unreachable } from '../failure.js';
import type { Host } from '../hosts/host.js';
import { atEachProxy, hostOf } from '../../workflows/target-hosts.js';
import { AT_A_TIME, inBatches } from '../platforms/several-hosts.js';
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
  const proven = await inBatches(atEachProxy(target), AT_A_TIME, async (each) => ({
    host: hostOf(each),
    ...(await proveProxy(dependencies, each, signal)),
  }));
  // of several hosts one that was stopped says no colour, and gets the release like the others
  const problems = proven.flatMap(({ problem }) => problem ?? []);
  const [first] = problems;
  if (first !== undefined && target.kind !== 'readmit' && problems.length === proven.length) throw first;
  return sayTogether(proven);
}

/** Each note once, and whose it is where they differ: `web-1, web-2: … blue is served; web-3: …`. */
function sayTogether(proven: { host: string; note: string }[]): string {
  const hosts = new Map<string, string[]>();
  for (const { host, note } of proven) hosts.set(note, [...(hosts.get(note) ?? []), host]);
  const [[only = ''] = []] = hosts;
  if (proven.length === 1) return only;
  if (hosts.size === 1) return `${proven.length} proxies: ${only}`;
  return [...hosts].map(([note, names]) => `${names.join(', ')}: ${note}`).join('; ');
}

interface Proven {
  note: string;
  /** Why a switch could not be confirmed there. */
  problem: Error | null;
}

async function proveProxy(
  dependencies: TrafficDependencies,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<Proven> {
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
  const said = (note: string): Proven => ({ note: `${proven}; ${note}`, problem: null });
  if (answer.colour !== null) return said(`${answer.colour} is served`);
  // nothing behind the proxy yet: a first release cannot show its colour
  if (target.live === null) return said('nothing is served yet');
  if (answer.status === null) {
    const problem = unreachable({
      what: `${confirm.url} does not answer (${answer.seen}), so a switch could not be confirmed`,
      where: plan.name,
      why: null,
      wayOut: 'start the proxy, or correct confirm.url; it is asked from the worker',
    });
    return { note: `${proven}; nothing answers at ${confirm.url}`, problem };
  }
  // a live release that fails must not keep its repair out
  if (answer.status >= 500) return said(`the live release answers ${answer.seen}`);
  const problem = refused({
    what: `${confirm.url} answers ${answer.seen}, so a switch could not be confirmed`,
    where: plan.name,
    why: null,
    wayOut: `let the application or the proxy say its colour (blue or green) in ${confirm.header ?? 'the body'} (docs/traffic.md)`,
  });
  return { note: `${proven}; ${confirm.url} answers ${answer.seen}`, problem };
}
