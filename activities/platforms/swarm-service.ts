/**
 * One Swarm service through the Engine's API. Every write carries the version read in the same inspect as the fence
 * label, so a stale writer is told “update out of sequence” by the Engine and never gets between.
 */
import type Docker from 'dockerode';
import { z } from 'zod';
import { foreignHand, refused } from '../failure.js';
import { callEngine, isMissing, isOutOfSequence, type RegistryAuth } from './engine.js';
import { placeOf } from './host-question.js';
import { ownerOf, requireNotAnothers } from '../hosts/owner.js';
import type { PlatformContext } from './platform.js';

export const FENCE_LABEL = 'slipway.fence';
export const OWNER_LABEL = 'slipway.owner';
/** Replicas a service had before its colour was retired. */
export const REPLICAS_LABEL = 'slipway.replicas';
export const STACK_LABEL = 'com.docker.stack.namespace';

/** Writers that keep losing the race are not alone: somebody else is updating in a loop. */
const WRITE_TRIES = 10;

export const specSchema = z.looseObject({
  Name: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
  TaskTemplate: z.looseObject({
    ContainerSpec: z.looseObject({ Image: z.string(), StopGracePeriod: z.number().nullish() }),
    ForceUpdate: z.number().nullish(),
  }),
  Mode: z.looseObject({
    Replicated: z.looseObject({ Replicas: z.number().nullish() }).nullish(),
    ReplicatedJob: z.looseObject({ TotalCompletions: z.number().nullish() }).nullish(),
  }),
  UpdateConfig: z.looseObject({ Monitor: z.number().nullish() }).nullish(),
  EndpointSpec: z.looseObject({}).nullish(),
});

const serviceSchema = z.looseObject({
  ID: z.string(),
  Version: z.looseObject({ Index: z.number() }),
  Spec: specSchema,
  Endpoint: z
    .looseObject({
      Ports: z.array(z.looseObject({ PublishedPort: z.number().optional() })).nullish(),
    })
    .nullish(),
  UpdateStatus: z
    .looseObject({
      State: z.string().optional(),
      Message: z.string().optional(),
      StartedAt: z.string().optional(),
    })
    .nullish(),
  ServiceStatus: z
    .looseObject({ DesiredTasks: z.number().optional(), CompletedTasks: z.number().optional() })
    .nullish(),
});

const taskSchema = z.looseObject({
  ID: z.string(),
  Slot: z.number().optional(),
  /** Written by the manager, as `UpdateStatus.StartedAt` is: one clock, comparable as text. */
  CreatedAt: z.string().optional(),
  DesiredState: z.string(),
  Spec: z.looseObject({ ContainerSpec: z.looseObject({ Image: z.string() }).optional() }),
  Status: z.looseObject({
    State: z.string(),
    Err: z.string().optional(),
    Message: z.string().optional(),
    ContainerStatus: z
      .looseObject({ ContainerID: z.string().optional(), ExitCode: z.number().optional() })
      .nullish(),
  }),
});

export type ServiceSpec = z.infer<typeof specSchema>;
export type Service = z.infer<typeof serviceSchema>;
export type Task = z.infer<typeof taskSchema>;

export async function readService(docker: Docker, name: string): Promise<Service | null> {
  try {
    return serviceSchema.parse(
      await callEngine(docker, { method: 'GET', path: `/services/${encodeURIComponent(name)}` }),
    );
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Services of a stack, with their desired numbers. */
export async function listStack(docker: Docker, stack: string): Promise<Service[]> {
  const filters = JSON.stringify({ label: [`${STACK_LABEL}=${stack}`] });
  const answer = await callEngine(docker, { method: 'GET', path: '/services', query: { filters } });
  return z.array(serviceSchema).parse(answer);
}

/** As `readService`, with `ServiceStatus` (only lists have it). */
export async function readServiceStatus(docker: Docker, id: string): Promise<Service | null> {
  const filters = JSON.stringify({ id: [id] });
  const answer = await callEngine(docker, {
    method: 'GET',
    path: '/services',
    query: { filters, status: 'true' },
  });
  return z.array(serviceSchema).parse(answer)[0] ?? null;
}

export async function listTasks(docker: Docker, serviceId: string): Promise<Task[]> {
  const filters = JSON.stringify({ service: [serviceId] });
  const answer = await callEngine(docker, { method: 'GET', path: '/tasks', query: { filters } });
  return z.array(taskSchema).parse(answer);
}

export function fenceOf(spec: ServiceSpec): number {
  return Number(spec.Labels?.[FENCE_LABEL] ?? 0);
}

/** Throws StaleFence when a newer change has the service, Refused when another pipeline owns it. */
export function requireOurs(context: PlatformContext, service: Service): void {
  const { Name: name, Labels: labels } = service.Spec;
  const mark = { owner: labels?.[OWNER_LABEL] ?? null, fence: fenceOf(service.Spec) };
  const label = `${OWNER_LABEL}=${ownerOf(context.fence)}`;
  const wayOut = `name another service, or hand it over: docker service update --label-add ${label} ${name}`;
  requireNotAnothers({ fence: context.fence, where: placeOf(context) }, `service ${name}`, mark, wayOut);
}

export interface Write {
  /** The new spec from the present one; null = it is right already. Called again after every lost race. */
  change: (present: Service) => ServiceSpec | null;
  auth?: RegistryAuth | null;
}

/**
 * Compare-and-set: reads, checks fence and owner, writes with the version just read. `written` says whether
 * anything had to be. Throws Refused when the service is not there.
 */
export async function writeService(
  context: PlatformContext,
  name: string,
  write: Write,
): Promise<{ service: Service; written: boolean }> {
  const docker = await context.host.docker();
  for (let round = 1; round <= WRITE_TRIES; round += 1) {
    const present = await readService(docker, name);
    if (present === null) throw missingService(context, name);
    requireOurs(context, present);
    const wanted = write.change(present);
    if (wanted === null) return { service: present, written: false };
    // the Engine knows no fence of ours: whoever comes late is told by the host, after the version was read
    if (context.fence.way === 'forward') await context.host.claim(context.fence);
    try {
      await callEngine(docker, {
        method: 'POST',
        path: `/services/${present.ID}/update`,
        query: { version: String(present.Version.Index), registryAuthFrom: 'spec' },
        body: wanted,
        ...(write.auth === undefined ? {} : { auth: write.auth }),
      });
      return { service: present, written: true };
    } catch (error) {
      if (!isOutOfSequence(error)) throw error;
    }
  }
  throw foreignHand({
    what: `service ${name} is being changed by somebody else all the time`,
    where: placeOf(context),
    why: `${WRITE_TRIES} writes in a row met “update out of sequence”`,
    wayOut: 'find the other writer (docker events on a manager), stop it, then retry',
  });
}

/** Fence and owner; a label-only write restarts no task. */
export async function claimService(context: PlatformContext, name: string): Promise<void> {
  await writeService(context, name, {
    change: ({ Spec: spec }) => {
      const labels = claimedLabels(context, spec);
      const already = Object.entries(labels).every(([key, value]) => spec.Labels?.[key] === value);
      return already ? null : { ...spec, Labels: labels };
    },
  });
}

export function claimedLabels(context: PlatformContext, spec: ServiceSpec): Record<string, string> {
  return {
    ...spec.Labels,
    [FENCE_LABEL]: String(context.target.token),
    [OWNER_LABEL]: ownerOf(context.fence),
  };
}

export function withImage(spec: ServiceSpec, image: string): ServiceSpec {
  const { TaskTemplate: template } = spec;
  return {
    ...spec,
    TaskTemplate: { ...template, ContainerSpec: { ...template.ContainerSpec, Image: image } },
  };
}

export function missingService(context: PlatformContext, name: string): Error {
  return refused({
    what: `there is no service ${name}`,
    where: placeOf(context),
    why: null,
    wayOut: missingServiceWayOut(name),
  });
}

export function missingServiceWayOut(name: string): string {
  return (
    `platform swarm updates a service that exists: create it once (docker service create --name ${name} …), ` +
    'or use platform: {stack: FILE}, which creates what it names'
  );
}

/** The Engine answers with what it stores, so equal specs are equal text, our labels and the scale aside. */
export function sameSpec(one: ServiceSpec, other: ServiceSpec): boolean {
  const comparable = (spec: ServiceSpec): string => {
    const labels = Object.entries(spec.Labels ?? {}).filter(([key]) => !key.startsWith('slipway.'));
    const mode = Object.keys(spec.Mode);
    return JSON.stringify(sortKeys({ ...spec, Labels: Object.fromEntries(labels), Mode: mode }));
  };
  return comparable(one) === comparable(other);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
