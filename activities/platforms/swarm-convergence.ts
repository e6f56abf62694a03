/** Waits until services are what they were asked to be, and stay so; fails as soon as it is clear that they will not. */
import type Docker from 'dockerode';
import { foreignHand, refused } from '../failure.js';
import { FirstSights, lookUntilSteady } from './convergence.js';
import { askRegistry, explainUnavailable } from './image-availability.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';
import { readLogs, readTaskEvidence } from './service-logs.js';
import { describeTask, homelessTasks, judgeService, type Cause, type Judgement } from './swarm-judgement.js';
import { listTasks, readServiceStatus, requireOurs, type Service, type Task } from './swarm-service.js';

/** Docker's own default where a spec names none. */
const DEFAULT_MONITOR_MS = 5_000;
const DEFAULT_STOP_GRACE_MS = 10_000;
/** On top of the stop grace: a task whose place is still being vacated is not without a place. */
const SCHEDULER_MARGIN_MS = 3_000;
const NANOSECONDS_PER_MS = 1e6;

export interface Awaited {
  id: string;
  name: string;
  /** `repository@sha256:…` */
  image: string;
  /** A retired colour is meant to have no tasks. */
  mayBeEmpty: boolean;
}

interface Memory {
  running: FirstSights;
  homeless: FirstSights;
}

type Failed = Extract<Judgement, { state: 'failed' }>;

/**
 * Resolves with a note when every service runs its image on every task, all for their monitor window. Throws
 * Refused with the cause by name, StaleFence and ForeignHand as every write does.
 */
export async function awaitConvergence(context: PlatformContext, awaited: Awaited[]): Promise<string> {
  const docker = await context.host.docker();
  const { timeoutMs } = context.target.plan;
  const memories = new Map(
    awaited.map(({ id }): [string, Memory] => [
      id,
      { running: new FirstSights(), homeless: new FirstSights() },
    ]),
  );
  return await lookUntilSteady(context, {
    deadline: performance.now() + timeoutMs,
    look: async () => {
      const notes: string[] = [];
      let waiting: { each: Awaited; tasks: Task[]; note: string } | null = null;
      for (const each of awaited) {
        const memory = memories.get(each.id);
        if (memory === undefined) continue;
        const { note, steady, tasks } = await lookOnce(context, docker, each, memory);
        notes.push(`${each.name} ${note}`);
        if (!steady) waiting ??= { each, tasks, note };
      }
      return { note: notes.join(', '), steady: waiting === null, waiting };
    },
    timedOut: async ({ note, waiting }) =>
      waiting === null
        ? new Error(note)
        : await explain(context, docker, waiting.each, timedOut(waiting.note, waiting.tasks, timeoutMs)),
  });
}

async function lookOnce(
  context: PlatformContext,
  docker: Docker,
  awaited: Awaited,
  memory: Memory,
): Promise<{ note: string; steady: boolean; tasks: Task[] }> {
  const service = await readServiceStatus(docker, awaited.id);
  if (service === null) throw vanished(context, awaited.name);
  requireOurs(context, service);
  const tasks = await listTasks(docker, awaited.id);
  memory.homeless.see(homelessTasks(tasks).map(({ ID }) => ID));
  const patienceMs = nanosecondsToMs(
    service.Spec.TaskTemplate.ContainerSpec.StopGracePeriod,
    DEFAULT_STOP_GRACE_MS,
  );
  const judgement = judgeService({
    service,
    tasks,
    image: awaited.image,
    mayBeEmpty: awaited.mayBeEmpty,
    stuck: memory.homeless.olderThan(patienceMs + SCHEDULER_MARGIN_MS),
  });
  if (judgement.state === 'failed') {
    if (await isWorthWaiting(context, awaited, judgement))
      return { note: 'waits for its image', steady: false, tasks };
    throw await explain(context, docker, awaited, judgement);
  }
  if (judgement.state === 'converging') return { note: judgement.note, steady: false, tasks };
  memory.running.see(judgement.running.map(({ ID }) => ID));
  const stable = memory.running.olderThan(monitorMs(service));
  return { note: judgement.note, steady: judgement.running.every((task) => stable.has(task.ID)), tasks };
}

function monitorMs(service: Service): number {
  return nanosecondsToMs(service.Spec.UpdateConfig?.Monitor, DEFAULT_MONITOR_MS);
}

function nanosecondsToMs(value: number | null | undefined, fallbackMs: number): number {
  return value === null || value === undefined || value === 0 ? fallbackMs : value / NANOSECONDS_PER_MS;
}

/** The registry has the image or is briefly away, and Swarm will try again by itself. */
async function isWorthWaiting(
  context: PlatformContext,
  awaited: Awaited,
  judgement: Failed,
): Promise<boolean> {
  if (judgement.cause !== 'image-unavailable' || judgement.final) return false;
  const { state } = await askRegistry(context, awaited.image);
  return state === 'pullable' || state === 'unreachable';
}

function timedOut(note: string, tasks: Task[], timeoutMs: number): Failed {
  const wanted = tasks.filter((task) => task.DesiredState === 'running' || task.DesiredState === 'ready');
  const task = wanted.find(({ Status: { State: state } }) => state !== 'running') ?? null;
  const detail = `${note} after ${Math.round(timeoutMs / 1000)} s${task === null ? '' : `; a task is ${task.Status.State}: ${describeTask(task)}`}`;
  return { state: 'failed', cause: 'timeout', detail, task, final: true };
}

async function explain(
  context: PlatformContext,
  docker: Docker,
  { name, id, image }: Awaited,
  { cause, detail, task }: Failed,
): Promise<Error> {
  if (cause === 'overwritten')
    return foreignHand({
      what: `service ${name}: somebody else changed the image while this release waited`,
      where: placeOf(context),
      why: detail,
      wayOut: 'find out who deployed by hand, then release again',
    });
  if (cause === 'image-unavailable') {
    const found = await askRegistry(context, image);
    if (found.state !== 'pullable') return refused(await explainUnavailable(context, image, found));
  }
  const lines = context.target.plan.logTail;
  const { unhealthy, text } =
    task === null
      ? { unhealthy: false, text: await readLogs(docker, `services/${id}`, lines) }
      : await readTaskEvidence(docker, task, lines);
  const { what, wayOut } = sentenceFor(cause === 'exited' && unhealthy ? 'unhealthy' : cause, name);
  return refused({
    what: detail === '' ? what : `${what} (${detail})`,
    where: placeOf(context),
    why: text === '' ? null : text,
    wayOut,
  });
}

/** What people are told of a cause, with the service's name in it. */
export function sentenceFor(cause: Cause, service: string): { what: string; wayOut: string } {
  const { what, wayOut } = SENTENCES[cause];
  return { what: `service ${service}: ${what}`, wayOut: wayOut.replaceAll('SERVICE', service) };
}

function vanished(context: PlatformContext, name: string): Error {
  return foreignHand({
    what: `service ${name} was removed while this release waited for it`,
    where: placeOf(context),
    why: null,
    wayOut: 'find out who removed it, then release again',
  });
}

const SENTENCES: Record<Cause, { what: string; wayOut: string }> = {
  'no-replicas': {
    what: 'it asks for 0 replicas, so nothing would run',
    wayOut: 'docker service scale SERVICE=1, then release again',
  },
  unhealthy: {
    what: 'its health check fails',
    wayOut: 'correct what the health check says; a slow start needs a longer start_period in its healthcheck',
  },
  exited: {
    what: 'its container exits',
    wayOut: 'the log says why; docker service ps --no-trunc SERVICE lists every try',
  },
  'cannot-start': {
    what: 'its container cannot be started',
    wayOut: 'correct the command, mount, secret or network that is named',
  },
  'no-resources': {
    what: 'no node has the memory or CPU it reserves',
    wayOut: 'lower the reservations, or give the swarm more; docker node ls shows the nodes',
  },
  'no-suitable-node': {
    what: 'no node may run it',
    wayOut: 'look at placement constraints, drained nodes and host-mode ports: docker node ls',
  },
  'image-unavailable': {
    what: 'a node cannot get the image, although the registry has it',
    wayOut: 'pull it by hand on that node: docker service ps --no-trunc SERVICE names it',
  },
  'rolled-back': {
    what: 'Swarm rolled it back by itself, which its command reports as success',
    wayOut: 'correct what the failed task says and release again',
  },
  paused: {
    what: 'Swarm paused the update',
    wayOut: 'docker service ps --no-trunc SERVICE shows the failed task',
  },
  overwritten: { what: 'it was changed by somebody else', wayOut: 'release again' },
  timeout: {
    what: 'it did not converge in time',
    wayOut: 'give the environment a longer timeout:, or make the start faster',
  },
};
