/**
 * Has a workload become what was asked for? `kubectl rollout status` ends with 0 when nothing matches and when it only
 * looks once, so this looks at generation, counts, the new revision's own pods and what keeps them, by name. Pure.
 */
import { z } from 'zod';
import { controllerOf, type ContainerStatus, type Pod, type Workload } from '../kubernetes/objects.js';
import { sameImage } from './image-reference.js';
import { imageIn, REVISION_ANNOTATION, type Belongings, type WorkloadKind } from './kubernetes-workload.js';

export type Cause =
  | 'no-replicas'
  | 'paused'
  | 'held-back'
  | 'overwritten'
  | 'quota'
  | 'cannot-create'
  | 'unschedulable'
  | 'image-unavailable'
  | 'cannot-start'
  | 'exited'
  | 'out-of-memory'
  | 'not-ready'
  | 'progress-deadline'
  | 'timeout';

export interface Look {
  kind: WorkloadKind;
  workload: Workload;
  belongings: Belongings;
  container: string;
  /** `repository@sha256:…` */
  image: string;
  /** A retired colour is meant to have none. */
  mayBeEmpty: boolean;
  /** `<pod uid> <cause>` or `workload <cause>`, seen for longer than such a thing needs to pass by itself. */
  stuck: ReadonlySet<string>;
  /** Our own deadline is over: whatever is in the way now is the verdict. */
  late: boolean;
}

/** What keeps a pod from serving, or from being there at all. */
export interface Trouble {
  cause: Cause;
  detail: string;
  pod: Pod | null;
  container: string | null;
  /** It will not pass by itself. */
  final: boolean;
}

export type Judgement =
  | { state: 'converging'; note: string; troubles: Trouble[] }
  /** All there at this moment; the caller wants it to stay so. */
  | { state: 'steady'; pods: Pod[]; note: string }
  | { state: 'failed'; cause: Cause; detail: string; pod: Pod | null; container: string | null };

/** A crash may be cured by the restart; three in a row are not. */
const CRASHES_THAT_SETTLE_IT = 3;

export function judgeWorkload(look: Look): Judgement {
  const { workload, image, container, kind } = look;
  const present = imageIn(workload, container);
  if (!sameImage(present, image)) return failed('overwritten', `it now names ${present}`);
  if (workload.spec.paused === true) return failed('paused', '');
  const { generation = 0 } = workload.metadata;
  if ((workload.status.observedGeneration ?? 0) < generation) {
    const note = 'not looked at by the cluster yet';
    return look.late ? failed('timeout', note) : { state: 'converging', note, troubles: [] };
  }
  const held = heldBack(kind, workload);
  if (held !== null) return failed('held-back', held);
  const { desired, updated, available, total } = countsOf(kind, workload);
  const { ours, others } = podsOf(look);
  if (desired === 0) return judgeEmpty(look, total + ours.length + others.length);
  const ready = ours.filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined);
  const note = `${available < updated ? available : ready.length} of ${desired} on the new image`;
  const isThere = updated === desired && available === desired && total === desired;
  if (isThere && ready.length >= desired && others.length === 0)
    return { state: 'steady', pods: ready, note: `${desired} of ${desired} on the new image` };
  return judgeTroubles(look, ours, note);
}

function failed(
  cause: Cause,
  detail: string,
  pod: Pod | null = null,
  container: string | null = null,
): Judgement {
  return { state: 'failed', cause, detail, pod, container };
}

/** Numbers by the object's own status. */
export function countsOf(
  kind: WorkloadKind,
  { spec, status }: Workload,
): { desired: number; updated: number; available: number; total: number } {
  if (kind === 'daemonset')
    return {
      desired: status.desiredNumberScheduled ?? 0,
      updated: status.updatedNumberScheduled ?? 0,
      available: status.numberAvailable ?? 0,
      total: status.currentNumberScheduled ?? 0,
    };
  return {
    desired: spec.replicas ?? 1,
    updated: status.updatedReplicas ?? 0,
    available: status.availableReplicas ?? 0,
    total: status.replicas ?? 0,
  };
}

/** A strategy that leaves old pods until somebody else removes them never comes to an end. */
function heldBack(kind: WorkloadKind, { spec: { updateStrategy } }: Workload): string | null {
  if (kind === 'deployment') return null;
  if (updateStrategy?.type === 'OnDelete') return 'updateStrategy OnDelete';
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  return partition > 0 ? `updateStrategy with partition ${partition}` : null;
}

/** The new revision's own pods, and those of others that are not on their way out. */
function podsOf({ kind, workload, belongings, container, image }: Look): { ours: Pod[]; others: Pod[] } {
  const { pods, replicaSets } = belongings;
  const revision = workload.metadata.annotations?.[REVISION_ANNOTATION];
  const newest = replicaSets.find(({ metadata }) => metadata.annotations?.[REVISION_ANNOTATION] === revision);
  const isOurs = (pod: Pod): boolean => {
    if (kind === 'deployment')
      return newest !== undefined && controllerOf(pod.metadata) === newest.metadata.uid;
    const inPod = pod.spec.containers.find(({ name }) => name === container)?.image ?? '';
    if (kind === 'daemonset') return sameImage(inPod, image);
    return pod.metadata.labels?.['controller-revision-hash'] === workload.status.updateRevision;
  };
  return {
    ours: pods.filter((pod) => isOurs(pod) && pod.status.phase !== 'Succeeded'),
    others: pods.filter(
      (pod) =>
        !isOurs(pod) &&
        pod.metadata.deletionTimestamp === undefined &&
        !['Succeeded', 'Failed'].includes(pod.status.phase ?? ''),
    ),
  };
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function judgeEmpty({ mayBeEmpty, late }: Look, left: number): Judgement {
  if (!mayBeEmpty) return failed('no-replicas', '0 of 0: it asks for no pods');
  if (left === 0) return { state: 'steady', pods: [], note: 'none wanted, none there' };
  const note = `${left} still stopping`;
  return late ? failed('timeout', note) : { state: 'converging', note, troubles: [] };
}

function judgeTroubles(look: Look, ours: Pod[], note: string): Judgement {
  const troubles = [...ours.flatMap((pod) => troubleOf(look, pod) ?? []), ...refusedPods(look)];
  const isOver = look.late || hasExceededItsDeadline(look.workload);
  const worst =
    troubles.find((trouble) => trouble.final || look.stuck.has(keyOf(trouble))) ??
    (isOver ? (troubles.find(({ cause }) => cause !== 'not-ready') ?? troubles[0]) : undefined);
  if (worst !== undefined) return failed(worst.cause, worst.detail, worst.pod, worst.container);
  if (look.late) return failed('timeout', note);
  if (isOver) return failed('progress-deadline', note);
  return { state: 'converging', note, troubles };
}

/** How `Look.stuck` names a trouble. */
export function keyOf({ pod, cause }: Trouble): string {
  return `${pod?.metadata.uid ?? 'workload'} ${cause}`;
}

function hasExceededItsDeadline({ status: { conditions = [] } }: Workload): boolean {
  return conditions.some(
    ({ type, status, reason }) =>
      type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
  );
}

/**
 * Pods that the API server does not even let be created. May pass: what the quota is used up by may be old pods, which
 * go as the rollout goes on.
 */
function refusedPods({ workload, belongings }: Look): Trouble[] {
  const revision = workload.metadata.annotations?.[REVISION_ANNOTATION];
  const newest = belongings.replicaSets.filter(
    ({ metadata }) => metadata.annotations?.[REVISION_ANNOTATION] === revision,
  );
  const said = newest
    .flatMap(({ status }) => status.conditions ?? [])
    .find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (said === undefined) return [];
  const detail = said.message ?? said.reason ?? '';
  const cause = /exceeded quota/.test(detail) ? 'quota' : 'cannot-create';
  return [{ cause, detail, pod: null, container: null, final: false }];
}

/** What the registry or the kubelet will say again. */
const NO_SUCH_IMAGE =
  /not found|manifest unknown|name unknown|unauthorized|denied|forbidden|authentication required|no basic auth|invalid reference|\b40[134]\b/i;

function troubleOf({ workload, container: released }: Look, pod: Pod): Trouble | null {
  const { conditions = [], containerStatuses = [], initContainerStatuses = [], phase } = pod.status;
  if (pod.metadata.deletionTimestamp !== undefined) return null;
  const about = (cause: Cause, detail: string, container: string | null = null, final = false): Trouble => ({
    ...{ cause, detail, pod, container, final },
  });
  const unscheduled = conditions.find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  );
  if (unscheduled !== undefined) return about('unschedulable', unscheduled.message ?? '');
  if (phase === 'Failed')
    return about('exited', `${pod.status.reason ?? 'Failed'}: ${pod.status.message ?? 'the pod ended'}`);
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const found = troubleOfContainer(status);
    if (found !== null) return about(found.cause, found.detail, status.name, found.final);
  }
  if (isReady(pod)) return null;
  const unready = containerStatuses.find(({ ready }) => !ready);
  const name = unready?.name ?? released;
  return about('not-ready', describeProbe(workload, name), name);
}

function troubleOfContainer({
  name,
  state,
  lastState,
  restartCount,
}: ContainerStatus): { cause: Cause; detail: string; final: boolean } | null {
  const { waiting, terminated } = state ?? {};
  const reason = waiting?.reason ?? '';
  const message = waiting?.message ?? '';
  const said = message === '' ? reason : `${reason}: ${message}`;
  switch (reason) {
    case 'ErrImagePull':
    case 'ImagePullBackOff':
      return { cause: 'image-unavailable', detail: said, final: NO_SUCH_IMAGE.test(message) };
    case 'InvalidImageName':
    case 'ErrImageNeverPull':
      return { cause: 'image-unavailable', detail: said, final: true };
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
    case 'RunContainerError':
      return { cause: 'cannot-start', detail: said, final: false };
  }
  const crash = terminated ?? lastState?.terminated;
  const hasCrashed = reason === 'CrashLoopBackOff' || terminated !== undefined;
  if (!hasCrashed || crash === undefined) return null;
  // an init container that is done has ended as it should
  if (terminated?.exitCode === 0 && restartCount === 0) return null;
  const cause = crash.reason === 'OOMKilled' ? 'out-of-memory' : 'exited';
  const words = cause === 'out-of-memory' ? 'OOMKilled' : `exit code ${crash.exitCode}`;
  const times = restartCount === 0 ? '' : `, restarted ${restartCount} times`;
  return {
    cause,
    detail: `container ${name}: ${words}${times}`,
    final: restartCount + 1 >= CRASHES_THAT_SETTLE_IT,
  };
}

const probeSchema = z.looseObject({
  httpGet: z.looseObject({ path: z.string().default('/'), port: z.unknown() }).optional(),
  tcpSocket: z.looseObject({ port: z.unknown() }).optional(),
  grpc: z.looseObject({ port: z.unknown() }).optional(),
  exec: z.looseObject({ command: z.array(z.string()).optional() }).optional(),
});

/** `readiness probe GET :8080/ready`, for whoever has to make it answer. */
function describeProbe({ spec: { template } }: Workload, container: string): string {
  const probe = template.spec.containers.find(({ name }) => name === container)?.readinessProbe;
  if (probe === undefined) return `container ${container} is not ready, and has no readiness probe`;
  const { httpGet, tcpSocket, grpc, exec } = probeSchema.parse(probe);
  if (httpGet !== undefined)
    return `container ${container}: readiness probe GET :${String(httpGet.port)}${httpGet.path}`;
  if (exec !== undefined) return `container ${container}: readiness probe ${JSON.stringify(exec.command)}`;
  return `container ${container}: readiness probe on port ${String((tcpSocket ?? grpc)?.port)}`;
}
