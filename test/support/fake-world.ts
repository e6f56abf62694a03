/**
 * A small world of environments for workflow tests: hosts, colours, fences, a proxy, tags, and faults to come. Plain
 * JSON; in memory, or in a file where worker processes are killed and started again.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import type { Colour, ReleasePlan } from '../../pipeline/plan.js';
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
  /** By host, where each has one of its own. */
  proxies?: Record<string, Colour | null>;
  /** Hosts where it answers errors only. */
  sick?: string[];
  /** What each switch was told, in percent of the users. */
  shares?: number[];
  tags: Record<string, string>;
  /** Revision of its database. */
  database: string;
  /** Backups that were made. */
  backups?: string[];
  /** Every call, in order: `deploy green`. */
  calls: string[];
}

/**
 * `refuse` the world says no, nothing done · `refuse-after` says no, though it was done · `lose-reply` done, the reply
 * is lost · `twice` done twice in one call · `unreachable` cannot be asked · `stale` a higher token was seen ·
 * `foreign` another hand's work · `say-no`/`inconclusive` verdict of a check · `warn` and `problem` of preflight ·
 * `hang-…` stands still before, in the middle of or after the effect, until released or cancelled; `hang-deaf` before
 * it, and a cancellation does not reach it.
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
  | 'warn'
  | 'hang-before'
  | 'hang-deaf'
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
  /** Only what is done on this host; of preflight: it cannot be asked. */
  host: string | null;
}

export interface WorldState {
  environments: Record<string, FakeEnvironment>;
  /** `environment`: its key, or the id of a workflow: then only calls of this workflow are struck. */
  faults: (Fault & { environment: string })[];
  /** `environment activity` of every call that stands still now or did. */
  arrived: string[];
  /** Same keys: may go on. */
  released: string[];
  /** Same keys: did what it had to do, late (`hang-deaf`). */
  finished: string[];
  /** What resolvePlan answers, by `planKey`. */
  plans: Record<string, ReleasePlan>;
  /** Builds by `planKey`; `pushed` is the digest that the registry has. */
  builds: Record<string, { begun: number; pushed: string | null }>;
}

export interface World {
  /** As it is now, kept though the world goes on. */
  read(): WorldState;
  /** The world itself, for a glance that keeps nothing: it is asked all the time. */
  glance(): Readonly<WorldState>;
  /** Reads, lets `change` mutate, stores; in one go. */
  update<Result>(change: (state: WorldState) => Result): Result;
}

export function createWorld(): World {
  const state = emptyState();
  return { read: () => structuredClone(state), glance: () => state, update: (change) => change(state) };
}

/** Only one process at a time may write the file. What was read is kept until the file is another. */
export function openWorldFile(file: string): World {
  let known: { version: string; state: WorldState } = { version: '', state: emptyState() };
  const load = (): WorldState => {
    const version = versionOf(file);
    if (version !== known.version) {
      const state: WorldState = version === '' ? emptyState() : JSON.parse(readFileSync(file, 'utf8'));
      known = { version, state };
    }
    return known.state;
  };
  return {
    read: () => structuredClone(load()),
    glance: load,
    update: (change) => {
      const state = load();
      // Should the change fail halfway, the file is right and what is known is not.
      known = { version: 'none', state };
      const result = change(state);
      writeFileSync(`${file}.new`, JSON.stringify(state));
      renameSync(`${file}.new`, file);
      known = { version: versionOf(file), state };
      return result;
    },
  };
}

/** Every write makes a new file; '' = there is none. */
function versionOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.mtimeNs} ${found.size}`;
}

function emptyState(): WorldState {
  return { environments: {}, faults: [], arrived: [], released: [], finished: [], plans: {}, builds: {} };
}

/** Key of a commit's plan and builds in the world. */
export function planKey(pipeline: string, commit: string): string {
  return `${pipeline} ${commit}`;
}

/** Key of an environment in the world. */
export function environmentKey(pipeline: string, environment: string): string {
  return `${pipeline}/${environment}`;
}

export function environmentIn(state: WorldState, key: string, hosts: string[]): FakeEnvironment {
  const environment = (state.environments[key] ??= {
    hosts: {},
    proxy: null,
    tags: {},
    database: 'base',
    calls: [],
  });
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
  const { proxy, proxies, database } = environment;
  return { hosts: Object.fromEntries(hosts), proxy, proxies, database };
}

export function breakActivity(
  world: World,
  environment: string,
  activity: keyof Activities,
  kind: FaultKind,
  options: Partial<Pick<Fault, 'times' | 'after' | 'to' | 'host'>> = {},
): void {
  const fault = { environment, activity, kind, times: 1, after: 0, to: null, host: null, ...options };
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
