/**
 * A Service of a cluster: which colour has the traffic is one label of its selector. The write names the version that was
 * read, so nothing is overwritten, and the API server keeps it: there is nothing to reload.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import { foreignHand, refused } from '../failure.js';
import { fenceOf, writeFenced, type Fenced } from '../kubernetes/cluster-fence.js';
import {
  isPodReady,
  listOf,
  podSchema,
  selectorText,
  serviceSchema,
  type Service,
} from '../kubernetes/objects.js';
import { requireRight } from '../kubernetes/rights.js';
import type { Traffic, TrafficContext } from './traffic.js';

type ServicePlan = Extract<TrafficPlan, { kind: 'kubernetes' }>;
type ServiceContext = TrafficContext<ServicePlan>;

export const kubernetes: Traffic<ServicePlan> = {
  fenceKeeper: (context) => ({
    claim: async () => {
      const found = await write(context, () => null);
      const { uid } = found.metadata;
      return { hostId: uid, previousToken: fenceOf(found.metadata) };
    },
  }),

  async prove(context) {
    const cluster = await context.cluster();
    const { namespace } = context.plan;
    await requireRight(cluster, whereOf(context), {
      verb: 'patch',
      group: '',
      resource: 'services',
      namespace,
    });
    const service = await read(context);
    if (colourOf(context, service) === null) throw nobodysColour(context, service);
    return `${thingOf(context)} selects ${context.plan.key}=${colourOf(context, service) ?? ''}`;
  },

  async look(context) {
    const service = await read(context);
    return {
      colour: colourOf(context, service),
      switchTo: (to, from) => switchService(context, to, from),
    };
  },
};

async function switchService(context: ServiceContext, to: Colour, from: Colour | null): Promise<void> {
  const { key } = context.plan;
  await requirePods(context, to);
  await write(context, (service) => {
    const there = colourOf(context, service);
    if (there === to) return null;
    if (from !== null && there !== from) throw foreign(context, from, service);
    return { spec: { selector: { [key]: to } } };
  });
}

/** A Service whose selector matches nothing is accepted, and then answers nobody. */
async function requirePods(context: ServiceContext, colour: Colour): Promise<void> {
  const cluster = await context.cluster();
  const { key, namespace } = context.plan;
  const { spec } = await read(context);
  const matchLabels = { ...spec.selector, [key]: colour };
  const query = { labelSelector: selectorText({ matchLabels }) };
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const { items } = listOf(podSchema).parse(await cluster.ask({ method: 'GET', path, query }));
  if (items.some((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined)) return;
  throw refused({
    what: `no pod that is ready has the labels ${query.labelSelector}, so ${thingOf(context)} would answer nobody`,
    where: whereOf(context),
    why: null,
    wayOut: `give the pods of ${colour} the label ${key}: ${colour} beside those the Service selects`,
  });
}

function thingOf({ plan }: ServiceContext): string {
  return plan.service;
}

function whereOf({ plan, fence }: ServiceContext): string {
  return `${fence.environment} namespace ${plan.namespace}`;
}

async function fenced(context: ServiceContext): Promise<Fenced> {
  const name = context.plan.service.replace(/^service\//, '');
  return {
    cluster: await context.cluster(),
    path: `/api/v1/namespaces/${encodeURIComponent(context.plan.namespace)}/services/${encodeURIComponent(name)}`,
    thing: thingOf(context),
    where: whereOf(context),
    fence: context.fence,
  };
}

async function read(context: ServiceContext): Promise<Service> {
  const { cluster, path } = await fenced(context);
  const answer = await cluster.ask({ method: 'GET', path });
  if (answer === null) throw missing(context);
  return serviceSchema.parse(answer);
}

async function write(
  context: ServiceContext,
  change: Parameters<typeof writeFenced<Service>>[2],
): Promise<Service> {
  const found = await writeFenced(await fenced(context), (object) => serviceSchema.parse(object), change);
  if (found === null) throw missing(context);
  return found.before;
}

function colourOf({ plan }: ServiceContext, { spec }: Service): Colour | null {
  const value = spec.selector?.[plan.key];
  return value === 'blue' || value === 'green' ? value : null;
}

function missing(context: ServiceContext): Error {
  return refused({
    what: `there is no ${thingOf(context)} in namespace ${context.plan.namespace}`,
    where: whereOf(context),
    why: null,
    wayOut: 'create it once, with a selector that names the colour which has the traffic',
  });
}

function nobodysColour(context: ServiceContext, { spec }: Service): Error {
  const { key } = context.plan;
  return refused({
    what: `the selector of ${thingOf(context)} has ${key}=${spec.selector?.[key] ?? ''}, which is no colour`,
    where: whereOf(context),
    why: JSON.stringify(spec.selector ?? {}),
    wayOut: `put ${key}: blue or green there, whichever has the traffic (docs/traffic.md#kubernetes)`,
  });
}

function foreign(context: ServiceContext, from: Colour, { spec }: Service): Error {
  const { key } = context.plan;
  return foreignHand({
    what: `${thingOf(context)} should select ${key}=${from}, but it selects ${key}=${spec.selector?.[key] ?? ''}`,
    where: whereOf(context),
    why: JSON.stringify(spec.selector ?? {}),
    wayOut: `see who changed it; put ${from} back there or accept what it says, then retry`,
  });
}
