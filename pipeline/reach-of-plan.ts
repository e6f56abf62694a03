/** What an environment's plan can reach: hosts, things on them, commands and secrets. What a policy allows or not. */
import type { CheckPlan, EnvironmentPlan } from './plan.js';
import type { PlatformPlan } from './plan-platform.js';
import { upstreamsOf, type TrafficPlan } from './plan-traffic.js';
import { reachOfCompose } from './reach-of-compose.js';
import { reachOfStack } from './reach-of-stack.js';
import { isSecretReference, schemeOf } from './secret-references.js';

/** Addresses as the plan has them, jump hosts, the proxy's and clusters included, with user and port; each once. */
export function hostsIn({ hosts, ssh, traffic, platform }: EnvironmentPlan): string[] {
  const proxy = traffic?.host == null ? [] : [traffic.host];
  const ends = [...hosts, ...proxy].map(({ address }) => reachedAs(address, ssh.user, ssh.port));
  const jumps = ssh.jump.map((address) => reachedAs(address, ssh.user, null));
  return unique([...ends, ...jumps, ...clusterOf(platform), ...clusterOf(traffic)]);
}

/** A cluster is where its kubeconfig leads; `cluster` = the worker's own, which nobody has to name. */
function clusterOf(of: PlatformPlan | TrafficPlan | null): string[] {
  return of !== null && 'kubeconfig' in of ? [of.kubeconfig ?? 'cluster'] : [];
}

/** What the address leaves open is said elsewhere in the file: another user may do more there, another port be anybody's. */
function reachedAs(address: string, user: string | null, port: number | null): string {
  if (address === 'local') return address;
  const isReference = schemeOf(address) !== null;
  const hasUser = !isReference && address.includes('@');
  const hasPort = !isReference && /:\d+$/.test(address);
  // a user that is a reference is held against the secrets
  const as = user === null || schemeOf(user) !== null || hasUser ? '' : `${user}@`;
  return `${as}${address}${port === null || port === 22 || hasPort ? '' : `:${port}`}`;
}

/**
 * Services, stacks and what their files reach, folders, logs, the files and sockets of proxies, and who is sent a login:
 * registries, and the addresses of checks.
 */
export function targetsIn(plan: EnvironmentPlan): string[] {
  const { platform, traffic, dockerSecrets, hostLog, registry } = plan;
  return unique([
    ...targetsOfPlatform(platform, Object.keys(dockerSecrets)),
    ...(traffic === null ? [] : targetsOfTraffic(traffic)),
    hostLog,
    registry?.server ?? null,
    ...loginsOfChecks(plan),
  ]);
}

/** Whom checks send a login: as users reach it, and each colour at its own address. */
function loginsOfChecks(plan: EnvironmentPlan): string[] {
  const urls = checksIn(plan).flatMap((check) =>
    check.kind === 'http' && check.basicAuth !== null ? [check.url] : [],
  );
  if (urls.length === 0 || plan.traffic === null) return urls.map(originOf);
  const { traffic } = plan;
  const upstreams = Object.values(upstreamsOf(traffic) ?? {});
  return [...[...urls, ...Object.values(traffic.colourUrls ?? {})].map(originOf), ...upstreams];
}

function originOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#]*/i.exec(url)?.[0] ?? url;
}

function checksIn({ checks, dependencies, bake }: EnvironmentPlan): CheckPlan[] {
  return [...checks, ...dependencies, ...(bake?.checks ?? [])];
}

function targetsOfPlatform(platform: PlatformPlan, ownSecrets: string[]): string[] {
  switch (platform.kind) {
    case 'swarm':
      return [platform.service];
    case 'stack': {
      const files = Object.values(platform.files).filter((text) => text !== '');
      return [...Object.values(platform.names), ...files.flatMap((text) => reachOfStack(text, ownSecrets))];
    }
    case 'compose': {
      const files = Object.values(platform.files ?? {}).filter((text) => text !== '');
      return [platform.folder, ...files.flatMap((text) => reachOfCompose(text))];
    }
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
    case 'traefik':
    case 'caddy-file':
      return [traffic.file];
    case 'haproxy':
      return [traffic.socket, traffic.map];
    case 'kubernetes':
      return [`${traffic.namespace}/${traffic.service}`];
    case 'caddy': {
      // which site of a shared Caddy is moved is found by the addresses it sends users to
      const { admin, path, upstreams, file } = traffic;
      return [`${admin}${path}`, ...Object.values(upstreams), ...(file === null ? [] : [file])];
    }
    case 'command':
      return [];
  }
}

/** Word for word, wherever they run. */
export function commandsIn(plan: EnvironmentPlan): string[] {
  const { platform, traffic, database } = plan;
  const ofPlatform =
    platform.kind === 'command'
      ? [platform.command, platform.inspect, platform.restore, platform.retire, platform.logs ?? null]
      : [];
  const ofDatabase =
    database === null
      ? []
      : [
          ...[database.migrate, database.current, database.revert, database.backup, database.restore],
          ...[database.prove ?? null, database.contract ?? null, database.inside],
        ];
  return unique([
    ...ofPlatform,
    ...commandsOfTraffic(traffic),
    ...checksIn(plan).map(commandOfCheck),
    ...ofDatabase,
  ]);
}

/** What moves a proxy, and what it is asked with. */
export function commandsOfTraffic(traffic: TrafficPlan | null): (string | null)[] {
  if (traffic?.kind === 'nginx') return [traffic.testCommand, traffic.reloadCommand];
  if (traffic?.kind === 'command')
    return [traffic.switchCommand, traffic.currentCommand, traffic.testCommand];
  return [];
}

function commandOfCheck(check: CheckPlan): string | null {
  if (check.kind === 'migrations') return check.current ?? null;
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
