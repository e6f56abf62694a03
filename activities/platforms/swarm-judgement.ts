/**
 * Has a service become what was asked for? The exit code of `docker service update` is 0 after an automatic rollback,
 * so this looks at spec, update status and tasks and tells the ways to fail apart by name. Pure.
 */
import { sameImage } from './image-reference.js';
import type { Service, Task } from './swarm-service.js';

export type Cause =
  | 'no-replicas'
  | 'unhealthy'
  | 'exited'
  | 'cannot-start'
  | 'no-resources'
  | 'no-suitable-node'
  | 'image-unavailable'
  | 'rolled-back'
  | 'paused'
  | 'overwritten'
  | 'timeout';

export interface Look {
  service: Service;
  tasks: Task[];
  image: string;
  /** A retired colour is meant to have none. */
  mayBeEmpty: boolean;
  /** Tasks seen without a node for longer than is normal while others stop. */
  stuck: ReadonlySet<string>;
}

export type Judgement =
  | { state: 'converging'; note: string }
  /** All there at this moment; the caller wants it to stay so. */
  | { state: 'steady'; running: Task[]; note: string }
  | { state: 'failed'; cause: Cause; detail: string; task: Task | null; final: boolean };

/** Crashes that need no update in progress to be a verdict: with one, Swarm's own failure action decides first. */
const CRASH_LIMIT = 3;
const ENDED = ['failed', 'rejected', 'complete', 'shutdown', 'orphaned', 'remove'];

export function judgeService(look: Look): Judgement {
  const { service, image } = look;
  const status = service.UpdateStatus?.State ?? '';
  const failures = failedTasks(look);
  const last = failures.at(-1) ?? null;
  const because = last === null ? (service.UpdateStatus?.Message ?? '') : describeTask(last);
  const present = service.Spec.TaskTemplate.ContainerSpec.Image;
  if (!sameImage(present, image)) {
    return status.startsWith('rollback')
      ? failed('rolled-back', because, last)
      : failed('overwritten', `the service now names ${present}`, null);
  }
  if (status === 'paused' || status === 'rollback_paused')
    return failed(last === null ? 'paused' : causeOf(last), because, last);
  if (isJob(service)) return judgeJob(look, failures);

  const desired = desiredTasks(look);
  const running = look.tasks.filter((task) => isWanted(task) && isRunning(task));
  if (desired === 0) return judgeEmpty(look, running);
  const ours = running.filter((task) => runs(task, image));
  const note = `${ours.length} of ${desired} on the new image`;
  if (ours.length === desired && running.length === desired && (status === '' || status === 'completed'))
    return { state: 'steady', running: ours, note };
  return judgeFailures(look, failures) ?? { state: 'converging', note };
}

function failed(cause: Cause, detail: string, task: Task | null, final = true): Judgement {
  return { state: 'failed', cause, detail, task, final };
}

function judgeEmpty(look: Look, running: Task[]): Judgement {
  if (!look.mayBeEmpty) return failed('no-replicas', '0 of 0: the service asks for no tasks', null);
  return running.length === 0
    ? { state: 'steady', running, note: 'none wanted, none running' }
    : { state: 'converging', note: `${running.length} still stopping` };
}

function judgeFailures(look: Look, failures: Task[]): Judgement | null {
  const stuck = look.tasks.find((task) => look.stuck.has(task.ID) && isWanted(task));
  if (stuck !== undefined) {
    const detail = describeTask(stuck);
    return failed(/insufficient resources/.test(detail) ? 'no-resources' : 'no-suitable-node', detail, stuck);
  }
  const last = failures.at(-1);
  if (last === undefined) return null;
  const somethingStarts = look.tasks.some((task) => isWanted(task) && !hasEnded(task));
  const goesOn = somethingStarts || look.service.UpdateStatus?.State === 'updating';
  const final = failures.length >= CRASH_LIMIT || !goesOn;
  const cause = causeOf(last);
  // An image that cannot be had is worth a question to the registry at once; a crash may be cured by the restart.
  return final || cause === 'image-unavailable' ? failed(cause, describeTask(last), last, final) : null;
}

function judgeJob(look: Look, failures: Task[]): Judgement {
  const wanted = look.service.Spec.Mode.ReplicatedJob?.TotalCompletions ?? desiredTasks(look);
  const complete = look.tasks.filter(
    (task) => runs(task, look.image) && task.Status.State === 'complete',
  ).length;
  const note = `${complete} of ${wanted} done`;
  if (complete >= wanted) return { state: 'steady', running: [], note };
  return judgeFailures(look, failures) ?? { state: 'converging', note };
}

/** Failures of this image since the update began, oldest first; after a rollback, those that led to it. */
function failedTasks({ tasks, image, service }: Look): Task[] {
  const status = service.UpdateStatus;
  const since = status?.State?.startsWith('rollback') === true ? '' : sortable(status?.StartedAt);
  return tasks
    .filter((task) => runs(task, image) && sortable(task.CreatedAt) >= since)
    .filter(
      ({ Status: { State: state } }) =>
        state === 'failed' || state === 'rejected' || (state === 'complete' && !isJob(service)),
    )
    .sort((a, b) => (sortable(a.CreatedAt) < sortable(b.CreatedAt) ? -1 : 1));
}

/** Go drops zeros at the end of a fraction, so the `Z` would be compared with a digit. */
function sortable(time: string | undefined): string {
  return (time ?? '').replace(/Z$/, '');
}

function causeOf(task: Task): Cause {
  const text = `${task.Status.Err ?? ''} ${task.Status.Message ?? ''}`;
  if (/no such image|pull access denied|manifest unknown/i.test(text)) return 'image-unavailable';
  if (/unhealthy container/i.test(text)) return 'unhealthy';
  if (task.Status.State === 'complete' || /non-zero exit/i.test(text)) return 'exited';
  return 'cannot-start';
}

export function describeTask(task: Task): string {
  const { Err: err, Message: message, State: state, ContainerStatus: container } = task.Status;
  const said = err ?? message ?? state;
  const code = container?.ExitCode;
  return code === undefined || said.includes(`(${code})`) || state === 'pending'
    ? said
    : `${said}, exit code ${code}`;
}

function desiredTasks({ service, tasks }: Look): number {
  const counted = service.ServiceStatus?.DesiredTasks;
  return service.Spec.Mode.Replicated?.Replicas ?? counted ?? tasks.filter((task) => isWanted(task)).length;
}

function isJob(service: Service): boolean {
  return 'ReplicatedJob' in service.Spec.Mode || 'GlobalJob' in service.Spec.Mode;
}

function runs(task: Task, image: string): boolean {
  return sameImage(task.Spec.ContainerSpec?.Image ?? '', image);
}

function isRunning(task: Task): boolean {
  return task.Status.State === 'running';
}

function isWanted(task: Task): boolean {
  return !['shutdown', 'remove', 'orphaned'].includes(task.DesiredState);
}

function hasEnded(task: Task): boolean {
  return ENDED.includes(task.Status.State);
}

/**
 * Tasks for which the scheduler has said why it finds no node. While one of the service's own is still being stopped
 * there are none: what that one holds, a host-mode port as a rule, comes free.
 */
export function homelessTasks(tasks: Task[]): Task[] {
  const isBeingStopped = (task: Task): boolean =>
    !isWanted(task) && !hasEnded(task) && !['new', 'pending'].includes(task.Status.State);
  return tasks.some(isBeingStopped) ? [] : tasks.filter(hasNoNode);
}

function hasNoNode(task: Task): boolean {
  return task.Status.State === 'pending' && /no suitable node/.test(task.Status.Err ?? '') && isWanted(task);
}
