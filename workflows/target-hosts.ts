/** A change on some of its environment's hosts, or of another release. Pure. */
import type { CheckPlan, EnvironmentPlan } from '../pipeline/plan.js';
import type { ClaimResult, Target } from './activity-contract.js';
import type { PriorState, ReleaseRecord } from './result.js';

/** The same target on these hosts only; a proxy that runs on one that is left out stays the proxy. */
export function onHosts(target: Target, hosts: EnvironmentPlan['hosts']): Target {
  const { plan } = target;
  const { whole = { hosts: plan.hosts, traffic: plan.traffic } } = target;
  const { traffic } = plan;
  const proxy = traffic === null ? null : { ...traffic, host: traffic.host ?? whole.hosts[0] ?? null };
  return { ...target, plan: { ...plan, hosts, traffic: proxy }, whole };
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
