/**
 * A small world of environments for workflow tests: hosts, colours, fences, a proxy, tags, and faults to come. Plain
 * JSON; in memory, or in a file where worker processes are killed and started again.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Colour } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';

/** Slot of a host that a release runs in. */
export type Slot = 'live' | Colour;

export interface FakeHost {
  hostId: string;
  fence: number;
  /** `v1@sha256:…` per slot; null = nothing runs there. */
  slots: Record<Slot, string | null>;
  /** Long commands of a dead change that still run. */
  stale: string[];
}

export interface FakeEnvironment {
  hosts: Record<string, FakeHost>;
  proxy: Colour | null;
  tags: Record<string, string>;
  /** Every call, in order: `deploy green`. */
  calls: string[];
}

/**
 * `refuse` the world says no, nothing done · `refuse-after` says no, though it was done · `lose-reply` done, the reply
 * is lost · `twice` done twice in one call · `unreachable` cannot be asked · `stale` a higher token was seen ·
 * `foreign` another hand's work · `say-no`/`inconclusive` verdict of a check · `warn` and `problem` of preflight ·
 * `hang-…` stands still before, in the middle of or after the effect, until released or cancelled.
 */
export type FaultKind =
  | 'refuse'
  | 'refuse-after'
  | 'lose-reply'
  | 'twice'
  | 'unreachable'
  | 'stale'
  | 'foreign'
  | 'say-no'
  | 'inconclusive'
  | 'problem'
  | 'hang-before'
  | 'hang-during'
  | 'hang-after';

export interface Fault {
  activity: keyof Activities;
  kind: FaultKind;
  /** How many calls it strikes; -1 = every one. */
  times: number;
  /** Calls that pass unharmed before. */
  after: number;
  /** Only calls that go to this colour (switchTraffic). */
  to: Colour | null;
}

export interface WorldState {
  environments: Record<string, FakeEnvironment>;
  faults: (Fault & { environment: string })[];
  /** `environment activity` of every call that stands still now or did. */
  arrived: string[];
  /** Same keys: may go on. */
  released: string[];
}

export interface World {
  read(): WorldState;
  /** Reads, lets `change` mutate, stores; in one go. */
  update<Result>(change: (state: WorldState) => Result): Result;
}

export function createWorld(): World {
  const state = emptyState();
  return { read: () => structuredClone(state), update: (change) => change(state) };
}

/** Only one process at a time may use the file. */
export function openWorldFile(file: string): World {
  const read = (): WorldState => {
    if (!existsSync(file)) return emptyState();
    const state: WorldState = JSON.parse(readFileSync(file, 'utf8'));
    return state;
  };
  return {
    read,
    update: (change) => {
      const state = read();
      const result = change(state);
      writeFileSync(`${file}.new`, JSON.stringify(state));
      renameSync(`${file}.new`, file);
      return result;
    },
  };
}

function emptyState(): WorldState {
  return { environments: {}, faults: [], arrived: [], released: [] };
}

/** Key of an environment in the world. */
export function environmentKey(pipeline: string, environment: string): string {
  return `${pipeline}/${environment}`;
}

export function environmentIn(state: WorldState, key: string, hosts: string[]): FakeEnvironment {
  const environment = (state.environments[key] ??= { hosts: {}, proxy: null, tags: {}, calls: [] });
  for (const host of hosts) {
    environment.hosts[host] ??= {
      hostId: `id-of-${host}`,
      fence: 0,
      slots: { live: null, blue: null, green: null },
      stale: [],
    };
  }
  return environment;
}

/** What must be the same again after an undo: everything but fences, calls and tags. */
export function visible(environment: FakeEnvironment | undefined): unknown {
  if (environment === undefined) return null;
  const hosts = Object.entries(environment.hosts).map(([name, { hostId, slots, stale }]) => [
    name,
    { hostId, slots, stale },
  ]);
  return { hosts: Object.fromEntries(hosts), proxy: environment.proxy };
}

export function breakActivity(
  world: World,
  environment: string,
  activity: keyof Activities,
  kind: FaultKind,
  options: Partial<Pick<Fault, 'times' | 'after' | 'to'>> = {},
): void {
  const fault = { environment, activity, kind, times: 1, after: 0, to: null, ...options };
  world.update((state) => state.faults.push(fault));
}

/** No more faults for this environment: the world is mended. */
export function mend(world: World, environment: string): void {
  world.update((state) => {
    state.faults = state.faults.filter((fault) => fault.environment !== environment);
  });
}

/** Lets a call that stands still go on. */
export function release(world: World, environment: string, activity: keyof Activities): void {
  world.update((state) => state.released.push(`${environment} ${activity}`));
}
