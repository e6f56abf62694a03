/** The Deployment, StatefulSet or DaemonSet a plan names: where it is, what belongs to it, and how it is written. */
import { hashJson } from '../../pipeline/hash-plan.js';
import type { Colour } from '../../pipeline/plan.js';
import { badInput, refused } from '../failure.js';
import { writeFenced, type Fenced, type Patch } from '../kubernetes/cluster-fence.js';
import {
  controllerOf,
  eventSchema,
  listOf,
  podSchema,
  replicaSetSchema,
  selectorText,
  workloadSchema,
  type ClusterEvent,
  type Pod,
  type ReplicaSet,
  type Workload,
} from '../kubernetes/objects.js';
import { DEFAULT_NAMESPACE, placeOf } from './host-question.js';
import { platformPlan, type PlatformContext } from './platform.js';

export type WorkloadKind = 'deployment' | 'statefulset' | 'daemonset';

export interface WorkloadName {
  kind: WorkloadKind;
  name: string;
  namespace: string;
}

export const REVISION_ANNOTATION = 'deployment.kubernetes.io/revision';

/** `deployment/app-{colour}` of a plan; `colour` null = without colours. */
export function workloadNamed(
  context: PlatformContext,
  colour: Colour | null = context.target.colour,
): WorkloadName {
  const { resource, namespace } = platformPlan(context, 'kubernetes');
  const rendered = resource.replaceAll('{colour}', colour ?? '');
  const found = /^(deployment|statefulset|daemonset)\/([a-z0-9][a-z0-9.-]*)$/.exec(rendered);
  const [, kind, name] = found ?? [];
  if (name !== undefined && isKind(kind)) return { kind, name, namespace: namespace ?? DEFAULT_NAMESPACE };
  throw badInput({
    what: `${rendered} is no deployment/NAME, statefulset/NAME or daemonset/NAME`,
    where: `environments.${context.target.plan.name}.platform.kubernetes`,
    why: null,
    wayOut: 'name one of these',
  });
}

function isKind(text: string | undefined): text is WorkloadKind {
  return text === 'deployment' || text === 'statefulset' || text === 'daemonset';
}

/** `deployment/app`: how messages and kubectl call it. */
export function thingOf({ kind, name }: WorkloadName): string {
  return `${kind}/${name}`;
}

export function pathOf({ kind, name, namespace }: WorkloadName): string {
  return `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/${kind}s/${encodeURIComponent(name)}`;
}

/** null = there is none. */
export async function readWorkload(context: PlatformContext, name: WorkloadName): Promise<Workload | null> {
  const cluster = await context.cluster();
  const answer = await cluster.ask({ method: 'GET', path: pathOf(name), signal: context.signal });
  return answer === null ? null : workloadSchema.parse(answer);
}

/** Throws Refused when there is none. */
export async function requireWorkload(context: PlatformContext, name: WorkloadName): Promise<Workload> {
  const workload = await readWorkload(context, name);
  if (workload === null) throw missingWorkload(context, name);
  return workload;
}

async function fencedWorkload(context: PlatformContext, name: WorkloadName): Promise<Fenced> {
  return {
    cluster: await context.cluster(),
    path: pathOf(name),
    thing: thingOf(name),
    where: placeOf(context),
    fence: context.fence,
    signal: context.signal,
  };
}

/** As `writeFenced`; null = there is none. */
export async function writeWorkload(
  context: PlatformContext,
  name: WorkloadName,
  change: (present: Workload) => Patch | null,
): Promise<{ before: Workload; written: boolean } | null> {
  return await writeFenced(
    await fencedWorkload(context, name),
    (object) => workloadSchema.parse(object),
    change,
  );
}

export interface Belongings {
  /** Of a deployment, all of its revisions. */
  replicaSets: ReplicaSet[];
  pods: Pod[];
}

/** What this very object controls: another one with the same labels is another's. */
export async function readBelongings(
  context: PlatformContext,
  name: WorkloadName,
  workload: Workload,
): Promise<Belongings> {
  const cluster = await context.cluster();
  const namespace = encodeURIComponent(name.namespace);
  const query = { labelSelector: selectorText(workload.spec.selector) };
  const { signal } = context;
  const { uid } = workload.metadata;
  const answers = await Promise.all([
    name.kind === 'deployment'
      ? cluster.ask({
          method: 'GET',
          path: `/apis/apps/v1/namespaces/${namespace}/replicasets`,
          query,
          signal,
        })
      : { items: [] },
    cluster.ask({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods`, query, signal }),
  ]);
  const replicaSets = listOf(replicaSetSchema)
    .parse(answers[0])
    .items.filter(({ metadata }) => controllerOf(metadata) === uid);
  const owners = new Set(name.kind === 'deployment' ? replicaSets.map((set) => set.metadata.uid) : [uid]);
  const pods = listOf(podSchema)
    .parse(answers[1])
    .items.filter(({ metadata }) => owners.has(controllerOf(metadata) ?? ''));
  return { replicaSets, pods };
}

/** The warnings about one object, oldest first; empty when they may not be read. */
export async function readWarnings(
  context: PlatformContext,
  namespace: string,
  uid: string,
): Promise<ClusterEvent[]> {
  const cluster = await context.cluster();
  try {
    const answer = await cluster.ask({
      method: 'GET',
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
      query: { fieldSelector: `involvedObject.uid=${uid},type=Warning` },
      signal: context.signal,
    });
    const { items } = listOf(eventSchema).parse(answer);
    const at = (event: ClusterEvent): string => event.lastTimestamp ?? event.eventTime ?? '';
    return items.sort((a, b) => (at(a) < at(b) ? -1 : 1));
  } catch {
    context.signal.throwIfAborted();
    return [];
  }
}

export function logPathOf({ metadata: { namespace, name } }: Pod): string {
  return `/api/v1/namespaces/${encodeURIComponent(String(namespace))}/pods/${encodeURIComponent(name)}/log`;
}

/** The log of a pod's container, of the run before where the present one has said nothing; '' when there is none. */
export async function readPodLog(
  context: PlatformContext,
  pod: Pod,
  container: string,
  lines: number,
): Promise<string> {
  const cluster = await context.cluster();
  const path = logPathOf(pod);
  const query = { container, tailLines: String(lines) };
  for (const before of [{}, { previous: 'true' }]) {
    const text = await cluster
      .read({ method: 'GET', path, query: { ...query, ...before }, signal: context.signal })
      .catch(() => null);
    context.signal.throwIfAborted();
    if (text !== null && text.trim() !== '') return text.trimEnd();
  }
  return '';
}

/** The container that the release is put into: the one that is named, or the only one. */
export function containerOf(context: PlatformContext, name: WorkloadName, { spec }: Workload): string {
  const named = platformPlan(context, 'kubernetes').container;
  const known = spec.template.spec.containers.map((each) => each.name);
  const only = known.length === 1 ? known[0] : undefined;
  const wanted = named ?? only;
  if (wanted !== undefined && known.includes(wanted)) return wanted;
  throw refused({
    what:
      named === null
        ? `${thingOf(name)} has ${known.length} containers, and the platform says not which one is released`
        : `${thingOf(name)} has no container ${named}`,
    where: placeOf(context),
    why: null,
    wayOut: `say container: with one of ${known.join(', ')}`,
  });
}

export function imageIn({ spec }: Workload, container: string): string {
  return spec.template.spec.containers.find(({ name }) => name === container)?.image ?? '';
}

/** Set by `kubectl rollout restart`: whoever restarts has changed nothing of the release. */
const RESTARTED = 'kubectl.kubernetes.io/restartedAt';

/**
 * Of all that the pods are made from, the released image aside: two equal ones differ in that image only. A hash,
 * because the text itself may hold values nobody wants in a history.
 */
export function hashRest({ spec: { template } }: Workload, container: string): string {
  const { metadata = {}, spec } = template;
  const { [RESTARTED]: _, ...others } = metadata.annotations ?? {};
  const rest = {
    metadata: { ...metadata, annotations: others },
    spec: {
      ...spec,
      containers: spec.containers.map((each) => (each.name === container ? { ...each, image: '' } : each)),
    },
  };
  return hashJson(rest);
}

export function missingWorkload(context: PlatformContext, name: WorkloadName): Error {
  return refused({
    what: `there is no ${thingOf(name)} in namespace ${name.namespace}`,
    where: placeOf(context),
    why: null,
    wayOut: missingWayOut(name),
  });
}

export function missingWayOut({ kind, name, namespace }: WorkloadName): string {
  return `platform kubernetes updates what exists: see kubectl get ${kind}s --namespace ${namespace}, and create ${name} once (kubectl apply), or use platform: {helm: CHART}, which creates what it names`;
}
