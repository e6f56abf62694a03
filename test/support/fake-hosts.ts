/** The hosts of the fake world as activities find and leave them: what runs where, and who may change it. */
import { foreignHand, staleFence } from '../../activities/failure.js';
import type { Colour } from '../../pipeline/plan.js';
import type { SwitchInput, Target, UndoResult } from '../../workflows/activity-contract.js';
import type { PriorState } from '../../workflows/result.js';
import { environmentKey, type FakeEnvironment, type FakeHost, type Slot } from './fake-world.js';

export interface Place {
  key: string;
  hosts: string[];
}

/** Where a plan is made: before anybody knows what it is for. */
export const NOWHERE: Place = { key: '-', hosts: [] };

/** `v2@sha256:…`, as a slot shows it. */
export function runningOf(release: Pick<Target, 'version' | 'artifacts'>): string {
  return `${release.version}@${release.artifacts[0]?.digest ?? ''}`;
}

export function placeOf(target: Target): Place {
  const { pipeline, name, hosts } = target.plan;
  return { key: environmentKey(pipeline, name), hosts: hosts.map((host) => host.name) };
}

export function slotOf(target: Target): Slot {
  return target.colour ?? 'live';
}

/** `half`: only the first host, as if the worker died in the middle. */
export function hostsOf(environment: FakeEnvironment, target: Target, half: boolean): [string, FakeHost][] {
  const names = target.plan.hosts.map((host) => host.name);
  const hosts = Object.entries(environment.hosts).filter(([name]) => names.includes(name));
  return half ? hosts.slice(0, 1) : hosts;
}

export function checkFence(host: FakeHost, target: Target, name: string): void {
  if (host.fence > target.token)
    throw staleFence({
      what: `token ${host.fence} was seen`,
      where: name,
      why: null,
      wayOut: 'nothing to do',
      seenToken: host.fence,
    });
}

export function raiseFence(host: FakeHost, target: Target, name: string): void {
  checkFence(host, target, name);
  host.fence = target.token;
}

export function restore(
  environment: FakeEnvironment,
  target: Target,
  prior: PriorState,
): UndoResult['outcome'] {
  const host = environment.hosts[prior.host];
  if (host === undefined) return 'never-ran';
  checkFence(host, target, prior.host);
  const slot = slotOf(target);
  const before = typeof prior.platform === 'string' ? prior.platform : null;
  if (host.slots[slot] === before) return 'never-ran';
  if (host.slots[slot] !== runningOf(target))
    throw foreignHand({
      what: `found ${String(host.slots[slot])}`,
      where: prior.host,
      why: null,
      wayOut: 'look',
    });
  host.slots[slot] = before;
  return 'undone';
}

/** A proxy that names a colour where nothing runs serves nobody. */
export function servedIn({ proxy, hosts }: FakeEnvironment): Colour | null {
  const runs = proxy !== null && Object.values(hosts).some((host) => host.slots[proxy] != null);
  return runs ? proxy : null;
}

/** What the proxy of this host leads to, where each has one. */
export function servedAt(
  { proxies, hosts, sick }: FakeEnvironment,
  host: string,
): Pick<PriorState, 'serving' | 'mute' | 'sick'> {
  if (proxies === undefined) return {};
  const serving = proxies[host] ?? null;
  const runs = serving !== null && hosts[host]?.slots[serving] != null;
  if (!runs) return { serving, mute: true };
  return { serving, ...(sick?.includes(host) === true ? { sick: true } : {}) };
}

/** One proxy, or that of each host that is named. */
export function pointProxies(environment: FakeEnvironment, target: Target, move: Move): void {
  if (target.plan.traffic?.proxies === undefined) {
    environment.proxy = pointed(environment.proxy, move);
    return;
  }
  const proxies = (environment.proxies ??= {});
  for (const { name } of target.plan.hosts) {
    const was = move.before?.[name];
    if (was !== null) proxies[name] = pointed(proxies[name] ?? null, { ...move, to: was ?? move.to });
  }
}

type Move = Pick<SwitchInput, 'to' | 'from' | 'before'>;

function pointed(proxy: Colour | null, { to, from }: Move): Colour {
  if (proxy === to || from === null || proxy === from) return to;
  throw foreignHand({ what: `proxy names ${String(proxy)}`, where: 'proxy', why: null, wayOut: 'look' });
}
