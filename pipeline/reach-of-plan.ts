/** What an environment's plan can reach: hosts, things on them, commands and secrets. What a policy allows or not. */
import type { CheckPlan, EnvironmentPlan, PlatformPlan, TrafficPlan } from './plan.js';
import { isSecretReference } from './secret-references.js';

/** Addresses as the plan has them, jump hosts and the proxy's included; each once. */
export function hostsIn({ hosts, ssh, traffic }: EnvironmentPlan): string[] {
  const proxy = traffic?.host == null ? [] : [traffic.host.address];
  return unique([...hosts.map(({ address }) => address), ...ssh.jump, ...proxy]);
}

/** Services, stacks, folders, and the files and sockets of proxies. */
export function targetsIn({ platform, traffic }: EnvironmentPlan): string[] {
  return unique([...targetsOfPlatform(platform), ...(traffic === null ? [] : targetsOfTraffic(traffic))]);
}

function targetsOfPlatform(platform: PlatformPlan): string[] {
  switch (platform.kind) {
    case 'swarm':
      return [platform.service];
    case 'stack':
      return Object.values(platform.names);
    case 'compose':
      return [platform.folder];
    case 'kubernetes':
      return [`${platform.namespace ?? 'default'}/${platform.resource}`];
    case 'helm':
      return [`${platform.namespace ?? 'default'}/${platform.release}`];
    case 'command':
      return [];
  }
}

function targetsOfTraffic(traffic: TrafficPlan): string[] {
  switch (traffic.kind) {
    case 'nginx':
      return [traffic.file];
    case 'haproxy':
      return [traffic.socket, traffic.map];
    case 'traefik':
    case 'caddy':
      return Object.values(traffic.options).filter((each) => typeof each === 'string');
    case 'command':
      return [];
  }
}

/** Word for word, wherever they run. */
export function commandsIn(plan: EnvironmentPlan): string[] {
  const { platform, traffic, checks, dependencies, bake, database } = plan;
  const ofPlatform =
    platform.kind === 'command'
      ? [platform.command, platform.inspect, platform.restore, platform.retire]
      : [];
  const all = [...checks, ...dependencies, ...(bake?.checks ?? [])];
  const ofDatabase = database === null ? [] : Object.values(database);
  return unique([...ofPlatform, ...commandsOfTraffic(traffic), ...all.map(commandOfCheck), ...ofDatabase]);
}

function commandsOfTraffic(traffic: TrafficPlan | null): (string | null)[] {
  if (traffic?.kind === 'nginx') return [traffic.testCommand, traffic.reloadCommand];
  if (traffic?.kind === 'command')
    return [traffic.switchCommand, traffic.currentCommand, traffic.testCommand];
  return [];
}

function commandOfCheck(check: CheckPlan): string | null {
  return check.kind === 'run' ? check.command : null;
}

/** Secret references anywhere in a plan, or in a part of one. */
export function referencesIn(plan: unknown): string[] {
  return unique(textsIn(plan).filter(isSecretReference));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

function unique(values: readonly (string | null)[]): string[] {
  return [...new Set(values.flatMap((value) => (value === null || value === '' ? [] : [value])))];
}
