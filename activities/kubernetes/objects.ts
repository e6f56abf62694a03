/** What of the cluster's objects is looked at. Everything else of them is kept, and nothing of it is relied on. */
import { z } from 'zod';

const metadataSchema = z.looseObject({
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.number().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ownerReferences: z
    .array(z.looseObject({ kind: z.string(), uid: z.string(), controller: z.boolean().optional() }))
    .optional(),
  managedFields: z
    .array(
      z.looseObject({
        manager: z.string().optional(),
        time: z.string().optional(),
        fieldsV1: z.looseObject({ 'f:spec': z.looseObject({}).optional() }).optional(),
      }),
    )
    .optional(),
});

const conditionSchema = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string().optional(),
  readinessProbe: z.looseObject({}).optional(),
});

const podSpecSchema = z.looseObject({
  containers: z.array(containerSchema),
  initContainers: z.array(containerSchema).optional(),
  imagePullSecrets: z.array(z.looseObject({ name: z.string().optional() })).optional(),
});

const templateSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }).optional(),
  spec: podSpecSchema,
});

const selectorSchema = z.looseObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(z.looseObject({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() }))
    .optional(),
});

export const workloadSchema = z.looseObject({
  metadata: metadataSchema,
  spec: z.looseObject({
    replicas: z.number().optional(),
    paused: z.boolean().optional(),
    selector: selectorSchema,
    template: templateSchema,
    updateStrategy: z
      .looseObject({
        type: z.string().optional(),
        rollingUpdate: z.looseObject({ partition: z.number().optional() }).nullish(),
      })
      .optional(),
  }),
  status: z.looseObject({
    observedGeneration: z.number().optional(),
    replicas: z.number().optional(),
    updatedReplicas: z.number().optional(),
    availableReplicas: z.number().optional(),
    updateRevision: z.string().optional(),
    desiredNumberScheduled: z.number().optional(),
    currentNumberScheduled: z.number().optional(),
    updatedNumberScheduled: z.number().optional(),
    numberAvailable: z.number().optional(),
    conditions: z.array(conditionSchema).optional(),
  }),
});

export const replicaSetSchema = z.looseObject({
  metadata: metadataSchema,
  spec: z.looseObject({ template: templateSchema.optional() }),
  status: z.looseObject({ conditions: z.array(conditionSchema).optional() }),
});

const stateSchema = z.looseObject({
  waiting: z.looseObject({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.looseObject({}).optional(),
  terminated: z
    .looseObject({
      exitCode: z.number(),
      reason: z.string().optional(),
      message: z.string().optional(),
      startedAt: z.string().nullish(),
    })
    .optional(),
});

const containerStatusSchema = z.looseObject({
  name: z.string(),
  ready: z.boolean(),
  restartCount: z.number(),
  imageID: z.string().optional(),
  state: stateSchema.optional(),
  lastState: stateSchema.optional(),
});

export const podSchema = z.looseObject({
  metadata: metadataSchema,
  spec: podSpecSchema,
  status: z.looseObject({
    phase: z.string().optional(),
    reason: z.string().optional(),
    message: z.string().optional(),
    conditions: z.array(conditionSchema).optional(),
    containerStatuses: z.array(containerStatusSchema).optional(),
    initContainerStatuses: z.array(containerStatusSchema).optional(),
  }),
});

export const eventSchema = z.looseObject({
  type: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
  involvedObject: z.looseObject({ uid: z.string().optional(), name: z.string().optional() }),
});

/** Of what is only held: any object. */
export const anyObjectSchema = z.looseObject({ metadata: metadataSchema });

export const serviceSchema = z.looseObject({
  metadata: metadataSchema,
  spec: z.looseObject({ selector: z.record(z.string(), z.string()).nullish() }),
});

export function listOf<T>(item: z.ZodType<T>): z.ZodType<{ items: T[] }> {
  return z.looseObject({ items: z.array(item) });
}

export type Metadata = z.infer<typeof metadataSchema>;
export type Workload = z.infer<typeof workloadSchema>;
export type ReplicaSet = z.infer<typeof replicaSetSchema>;
export type Pod = z.infer<typeof podSchema>;
export type Service = z.infer<typeof serviceSchema>;
export type ContainerStatus = z.infer<typeof containerStatusSchema>;
export type ClusterEvent = z.infer<typeof eventSchema>;
export type Selector = z.infer<typeof selectorSchema>;

/** As a query's `labelSelector`. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const words: Record<string, (key: string, values: string) => string> = {
    In: (key, values) => `${key} in (${values})`,
    NotIn: (key, values) => `${key} notin (${values})`,
    Exists: (key) => key,
    DoesNotExist: (key) => `!${key}`,
  };
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(
      ({ key, operator, values = [] }) => words[operator]?.(key, values.join(',')) ?? key,
    ),
  ].join(',');
}

/** Who else than `except` has written something of the pod template that is still there, with when: newest first. */
export function templateWriters({ metadata }: Workload, except: string): string[] {
  const { managedFields = [] } = metadata;
  return managedFields
    .filter(({ fieldsV1 }) => fieldsV1?.['f:spec']?.['f:template'] !== undefined)
    .filter(({ manager }) => manager !== undefined && manager !== except)
    .sort((one, other) => (other.time ?? '').localeCompare(one.time ?? ''))
    .map(({ manager = '', time }) => (time === undefined ? manager : `${manager} on ${time}`));
}

export function isPodReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

export function controllerOf({ ownerReferences = [] }: Metadata): string | null {
  return ownerReferences.find(({ controller }) => controller === true)?.uid ?? null;
}
