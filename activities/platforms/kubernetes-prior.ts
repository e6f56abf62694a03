/** What a workload was before a release, and whether it still is that, or what the release made of it. */
import { z } from 'zod';
import { foreignHand } from '../failure.js';
import { OUR_MANAGER } from '../kubernetes/cluster.js';
import { templateWriters, type Workload } from '../kubernetes/objects.js';
import { placeOf } from './host-question.js';
import { digestOf, registryOf, repositoryOf, sameImage } from './image-reference.js';
import {
  containerOf,
  hashRest,
  imageIn,
  readBelongings,
  requireWorkload,
  REVISION_ANNOTATION,
  thingOf,
  workloadNamed,
  type WorkloadName,
} from './kubernetes-workload.js';
import type { PlatformContext } from './platform.js';
import { lookInRegistry, proveInRegistry } from './prove-in-registry.js';
import { findReleaseImage } from './release-image.js';

/** What `kubectl rollout history` shows. */
export const CAUSE_ANNOTATION = 'kubernetes.io/change-cause';
/** Replicas a colour had before it was retired. */
export const REPLICAS_ANNOTATION = 'slipway.dev/replicas';

const WRITERS_SHOWN = 3;

export const priorSchema = z.object({
  kind: z.literal('kubernetes'),
  /** `deployment/app` */
  thing: z.string(),
  container: z.string(),
  /** As the template names it. */
  written: z.string(),
  /** What is gone back to: by digest where a pod says which one it is. */
  image: z.string(),
  /** Of the pod template, the image aside. */
  rest: z.string(),
  revision: z.string().nullable(),
  replicas: z.number().nullable(),
  /** Present = a retired colour. */
  retired: z.string().nullable(),
  changeCause: z.string().nullable(),
  /** The registry has no such image, and no pod has ever run it: what undo leaves is no pods. */
  nothingGood: z.boolean().optional(),
});
export type Prior = z.infer<typeof priorSchema>;

export async function recordPrior(context: PlatformContext): Promise<Prior> {
  const name = workloadNamed(context);
  const workload = await requireWorkload(context, name);
  const container = containerOf(context, name, workload);
  const written = imageIn(workload, container);
  const { annotations = {} } = workload.metadata;
  return {
    kind: 'kubernetes',
    thing: thingOf(name),
    container,
    written,
    ...(await wayBackOf(context, name, workload, container)),
    rest: hashRest(workload, container),
    revision: annotations[REVISION_ANNOTATION] ?? workload.status.updateRevision ?? null,
    replicas: workload.spec.replicas ?? null,
    retired: retiredFrom(workload),
    changeCause: annotations[CAUSE_ANNOTATION] ?? null,
  };
}

/** A tag may move while we are away; the nodes that run it know which digest it was. */
async function wayBackOf(
  context: PlatformContext,
  name: WorkloadName,
  workload: Workload,
  container: string,
): Promise<Pick<Prior, 'image' | 'nothingGood'>> {
  const written = imageIn(workload, container);
  if (digestOf(written) !== null) return { image: written };
  const { pods } = await readBelongings(context, name, workload);
  const statuses = pods.flatMap(({ spec, status }) => {
    const wanted = spec.containers.find((each) => each.name === container)?.image;
    const found = status.containerStatuses?.find((each) => each.name === container);
    return found === undefined ? [] : [{ ...found, isWritten: wanted === written }];
  });
  const [digest] = statuses
    .filter(({ ready, isWritten }) => ready && isWritten)
    .flatMap(({ imageID }) => digestOf(imageID ?? '') ?? []);
  if (digest !== undefined) return { image: `${repositoryOf(written)}@${digest}` };
  // a node names the image once it has it; pods of another revision may be what serves
  const hasRun = statuses.some(({ ready, imageID = '' }) => ready || imageID !== '');
  const isGone = !hasRun && (await lookInRegistry(context, written)).state === 'gone';
  return isGone ? { image: written, nothingGood: true } : { image: written };
}

export async function proveWayBack(context: PlatformContext, recorded: unknown): Promise<string> {
  const { thing, image, revision, nothingGood } = priorSchema.parse(recorded);
  const at = `${thing} at revision ${revision ?? '?'}`;
  if (nothingGood !== true) return `${at}, ${await proveInRegistry(context, image)}`;
  return `${at}, nothing good to go back to: ${registryOf(image)} has no image ${image}, and no pod has run it; an undo leaves it without pods`;
}

/** The replicas a retired colour had; null = it is not retired. */
export function retiredFrom({ spec, metadata }: Workload): string | null {
  return spec.replicas === 0 ? (metadata.annotations?.[REPLICAS_ANNOTATION] ?? null) : null;
}

/** Is it as before (true), or what this release wrote (false)? Anything else is another hand's work. */
export function requireOurWork(
  context: PlatformContext,
  name: WorkloadName,
  prior: Prior,
  present: Workload,
): boolean {
  const found = imageIn(present, prior.container);
  const release = findReleaseImage(context, prior.written);
  const isPrior = found === prior.written || sameImage(found, prior.image);
  const isOurs = release !== null && sameImage(found, release);
  if ((isPrior || isOurs) && hashRest(present, prior.container) === prior.rest) return isPrior;
  const [what, before] = isPrior
    ? ['its image is the one that was there before, but its pod template was changed by somebody else', null]
    : isOurs
      ? ["its image is this release's, but its pod template was changed by somebody else", null]
      : [`neither what this release wrote nor what was there before: it runs ${found}`, prior.image];
  const others = templateWriters(present, OUR_MANAGER).slice(0, WRITERS_SHOWN);
  const why = [
    ...(before === null ? [] : [`before: ${before}`]),
    ...(others.length === 0 ? [] : [`its pod template was also written by ${others.join(', ')}`]),
  ];
  throw foreignHand({
    what: `${thingOf(name)}: ${what}`,
    where: placeOf(context),
    why: why.length === 0 ? null : why.join('\n'),
    wayOut: `see who changed it, then put it right by hand: kubectl rollout history --namespace ${name.namespace} ${thingOf(name)}`,
  });
}
