/** A change on some of its environment's hosts, or of another release. Pure. */
import type { CheckPlan, EnvironmentPlan } from '../pipeline/plan.js';
import type { ClaimResult, Target } from './activity-contract.js';
import type { PriorState, ReleaseRecord } from './result.js';

/** The same target on these hosts only; a proxy that runs on one that is left out stays the proxy. */
export function onHosts(target: Target, hosts: EnvironmentPlan['hosts']): Target {
  const { plan } = target;
  const { whole = { hosts: plan.hosts, traffic: plan.traffic } } = target;
  const { traffic } = plan;
  return { ...target, plan: { ...plan, hosts, traffic: keepProxy(traffic, whole.hosts) }, whole };
}

/** Has each host a proxy of its own? */
export function hasProxies({ traffic }: Pick<EnvironmentPlan, 'traffic'>): boolean {
  return traffic?.proxies !== undefined;
}

/** The one proxy is where it was, whichever hosts are left out; those of the hosts come and go with them. */
export function keepProxy(
  traffic: EnvironmentPlan['traffic'],
  hosts: EnvironmentPlan['hosts'],
): EnvironmentPlan['traffic'] {
  if (traffic === null || hasProxies({ traffic })) return traffic;
  return { ...traffic, host: traffic.host ?? hosts[0] ?? null };
}

/** As each of its proxies sees it, with the host it runs on and that one's checks; where there is one, as it is. */
export function atEachProxy(target: Target): Target[] {
  const { plan } = target;
  return hasProxies(plan) ? plan.hosts.map(({ name }) => atProxy(target, name)) : [target];
}

/** As the proxy of this host sees it, where each host has one. */
export function atProxy(target: Target, host: string): Target {
  const { plan } = target;
  const { traffic } = plan;
  const proxy = traffic?.proxies?.find((each) => each.host === host);
  const here = plan.hosts.filter(({ name }) => name === host);
  if (traffic === null || proxy === undefined) return target;
  const { proxies: _, ...rest } = traffic;
  const own = { ...rest, host: here[0] ?? null, confirm: { ...traffic.confirm, url: proxy.url } };
  return {
    ...target,
    plan: { ...plan, hosts: here, checks: checksHere({ hosts: here }, plan.checks), traffic: own },
  };
}

/** Where it runs, of a target that `atEachProxy` made; empty = not on a host of the environment. */
export function hostOf({ plan }: Target): string {
  return plan.hosts[0]?.name ?? '';
}

/** A release that is or was live, under the token of this change, on all of its hosts. */
export function asLive(target: Target, live: ReleaseRecord): Target {
  const { whole: _, ...rest } = target;
  const { plan, version, commit, artifacts, colour, evidence = [], receipts = [] } = live;
  return { ...rest, plan, version, commit, artifacts, colour, evidence, receipts };
}

/** Without those of a host that is left out of it. */
export function checksHere({ hosts }: Pick<EnvironmentPlan, 'hosts'>, checks: CheckPlan[]): CheckPlan[] {
  return checks.filter(({ host }) => host === undefined || hosts.some(({ name }) => name === host));
}

/** Those that are made on each host, or about each. */
export function isAboutHosts(check: CheckPlan): boolean {
  return check.host !== undefined || (check.kind === 'run' && check.on === 'host');
}

/** A host with an empty disk has neither what the dead change wrote nor what was there before it. */
export function withoutReinstalled(prior: PriorState[], hosts: ClaimResult['hosts']): PriorState[] {
  return prior.filter(({ host, hostId }) =>
    hosts.every((claimed) => claimed.host !== host || claimed.hostId === hostId),
  );
}
