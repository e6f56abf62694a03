/**
 * Are a project's services what they were asked to be? `docker compose up` exits 0 for a container that ends a moment
 * later and looks at the first replica only, so this looks at every container and tells the ways to fail apart. Pure.
 */
import { byService, type ComposeContainer } from './compose-containers.js';
import type { Wanted } from './compose-model.js';
import { sameImage } from './image-reference.js';

export type Cause =
  | 'vanished'
  | 'overwritten'
  | 'exited'
  | 'out-of-memory'
  | 'restarting'
  | 'unhealthy'
  | 'cannot-start'
  | 'timeout';

export interface Look {
  containers: ComposeContainer[];
  wanted: Wanted[];
  /** Restarts counted from here; a container that is not in it is new, and all of its restarts count. */
  restartsBefore: ReadonlyMap<string, number>;
}

export type Judgement =
  | { state: 'starting'; note: string; slow: ComposeContainer | null }
  /** All there at this moment; those without a health check have to stay so. */
  | { state: 'steady'; note: string; unproven: ComposeContainer[] }
  | { state: 'failed'; cause: Cause; service: string; detail: string; container: ComposeContainer | null };

/** A start that needs its database may fail a few times before it is there. */
const CRASH_LIMIT = 3;

export function judgeProject(look: Look): Judgement {
  const services = byService(look.containers);
  const notes: string[] = [];
  const unproven: ComposeContainer[] = [];
  let slow: ComposeContainer | null = null;
  let starting = false;
  for (const wanted of look.wanted) {
    const own = services.get(wanted.service) ?? [];
    const failure = failureOf(wanted, own, look);
    if (failure !== null) return failure;
    const good = own.filter((each) => isGood(each, wanted));
    notes.push(`${wanted.service} ${good.length} of ${wanted.replicas}`);
    unproven.push(...good.filter(({ health, state }) => health === null && state === 'running'));
    if (good.length === own.length && own.length === wanted.replicas) continue;
    starting = true;
    slow ??= own.find((each) => !good.includes(each)) ?? null;
  }
  const note = notes.join(', ');
  return starting ? { state: 'starting', note, slow } : { state: 'steady', note, unproven };
}

function isGood({ state, health, exitCode }: ComposeContainer, { isJob }: Wanted): boolean {
  if (isJob && state === 'exited') return exitCode === 0;
  return state === 'running' && !isJob && (health === null || health === 'healthy');
}

function failureOf(wanted: Wanted, own: ComposeContainer[], look: Look): Judgement | null {
  const failed = (cause: Cause, detail: string, container: ComposeContainer | null): Judgement => ({
    state: 'failed',
    cause,
    service: wanted.service,
    detail,
    container,
  });
  if (own.length < wanted.replicas)
    return failed('vanished', `${own.length} of ${wanted.replicas} containers are there`, null);
  for (const each of own) {
    if (!runs(each, wanted)) return failed('overwritten', `${each.name} runs ${each.image}`, each);
    const cause = causeOf(each, wanted, look);
    if (cause !== null) return failed(cause, describe(each), each);
  }
  return null;
}

/** By digest, or where the file names none by the very words. */
export function runs({ image, imageId }: ComposeContainer, wanted: Pick<Wanted, 'image'>): boolean {
  return sameImage(image, wanted.image) || imageId === wanted.image;
}

function causeOf(container: ComposeContainer, { isJob }: Wanted, look: Look): Cause | null {
  const { state, exitCode, health, error, id, restarts, outOfMemory, restartsItself } = container;
  if (state === 'created' && error !== '') return 'cannot-start';
  if (state === 'restarting' || (state === 'running' && restartsItself)) {
    const counted = restarts - (look.restartsBefore.get(id) ?? 0);
    if (counted >= CRASH_LIMIT) return outOfMemory ? 'out-of-memory' : 'restarting';
  }
  if (state === 'exited' || state === 'dead') {
    if (isJob && exitCode === 0) return null;
    if (error !== '') return 'cannot-start';
    return outOfMemory ? 'out-of-memory' : 'exited';
  }
  return health === 'unhealthy' ? 'unhealthy' : null;
}

function describe({ name, state, exitCode, error, restarts }: ComposeContainer): string {
  if (error !== '') return `${name}: ${error}`;
  const times = restarts === 0 ? '' : `, restarted ${restarts} times`;
  return state === 'running' ? `${name}${times}` : `${name}: exit code ${exitCode}${times}`;
}
