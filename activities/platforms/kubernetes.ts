/**
 * Platform `kubernetes`: a Deployment, StatefulSet or DaemonSet that exists is moved to our digest through the cluster's
 * API, and truthfully waited for. The worker needs no kubectl.
 */
import type { Colour } from '../../pipeline/plan.js';
import type { UndoResult } from '../../workflows/activity-contract.js';
import { foreignHand, refused } from '../failure.js';
import { fenceOf, type Patch } from '../kubernetes/cluster-fence.js';
import type { Workload } from '../kubernetes/objects.js';
import { placeOf } from './host-question.js';
import { sameImage } from './image-reference.js';
import { awaitRollout, sentenceFor } from './kubernetes-convergence.js';
import { preflight } from './kubernetes-preflight.js';
import {
  CAUSE_ANNOTATION,
  priorSchema,
  proveWayBack,
  recordPrior,
  REPLICAS_ANNOTATION,
  requireOurWork,
  retiredFrom,
  type Prior,
} from './kubernetes-prior.js';
import {
  containerOf,
  imageIn,
  missingWorkload,
  readBelongings,
  readPodLog,
  readWorkload,
  requireWorkload,
  thingOf,
  workloadNamed,
  writeWorkload,
  type WorkloadName,
} from './kubernetes-workload.js';
import { readNewPodLines } from './new-pod-lines.js';
import { platformPlan, type FenceKeeper, type Platform, type PlatformContext } from './platform.js';
import { findReleaseImage, requireReleaseImage } from './release-image.js';

export const kubernetes: Platform = {
  fenceKeeper,
  preflight,
  // claimed by the keeper already, every colour of it
  claim: async () => {},
  recordPrior,
  proveWayBack,
  deploy,
  undo,
  retire,
  observe: (context) => observeWorkload(context, workloadNamed(context)),
  logs: readLogs,
  newLogs: (context, from) => readNewPodLines(context, [workloadNamed(context)], from),
};

/**
 * The objects themselves hold the token, so every worker sees it. All colours are claimed: what an older change would
 * still do to the other one is refused as well.
 */
function fenceKeeper(context: PlatformContext): FenceKeeper {
  return {
    claim: async () => {
      const own = workloadNamed(context);
      let previousToken = 0;
      let uid: string | null = null;
      for (const name of everyColour(context)) {
        const found = await writeWorkload(context, name, () => null);
        if (found === null) continue;
        const { metadata } = found.before;
        previousToken = Math.max(previousToken, fenceOf(metadata));
        if (name.name === own.name) ({ uid } = metadata);
      }
      if (uid === null) throw missingWorkload(context, own);
      // as a reinstalled host has another id, what was deleted and made anew has another one here
      return { hostId: uid, previousToken };
    },
    // nothing runs on the worker
    killStale: async () => [],
  };
}

function everyColour(context: PlatformContext): WorkloadName[] {
  const { resource } = platformPlan(context, 'kubernetes');
  const colours: (Colour | null)[] = resource.includes('{colour}') ? ['blue', 'green'] : [null];
  return colours.map((colour) => workloadNamed(context, colour));
}

async function deploy(context: PlatformContext): Promise<string> {
  const name = workloadNamed(context);
  const present = await requireWorkload(context, name);
  const container = containerOf(context, name, present);
  const image = requireReleaseImage(context, thingOf(name), imageIn(present, container));
  if (present.spec.replicas === 0 && retiredFrom(present) === null)
    throw refused({ ...sentenceFor('no-replicas', name), where: placeOf(context), why: null });
  context.progress(`${thingOf(name)} to ${image}`);
  const written = await writeWorkload(context, name, (now) => {
    const revived = revive(now);
    if (sameImage(imageIn(now, container), image) && revived === null) return null;
    const annotations = { [CAUSE_ANNOTATION]: causeOf(context), ...revived?.annotations };
    return withImage({ container, image, annotations, ...pick(revived) });
  });
  if (written === null) throw missingWorkload(context, name);
  return await awaitRollout(context, { name, container, image, mayBeEmpty: false });
}

/** Replicas and annotation that give a retired colour its pods back; null = it is none. */
function revive(workload: Workload): { annotations: Record<string, null>; replicas: number } | null {
  const replicas = retiredFrom(workload);
  if (replicas === null) return null;
  return { annotations: { [REPLICAS_ANNOTATION]: null }, replicas: Number(replicas) };
}

function pick(of: { replicas: number } | null): { replicas?: number } {
  return of === null ? {} : { replicas: of.replicas };
}

interface Wanted {
  container: string;
  image: string;
  annotations: Record<string, string | null>;
  replicas?: number;
}

/** What is not named stays: the other containers, the scale somebody chose, everything else of the template. */
function withImage({ container, image, annotations, replicas }: Wanted): Patch {
  const template = { spec: { containers: [{ name: container, image }] } };
  return {
    metadata: { annotations },
    spec: { template, ...(replicas === undefined ? {} : { replicas }) },
  };
}

/** What `kubectl rollout history` shows. */
function causeOf({ target: { plan, version, commit, token } }: PlatformContext): string {
  return `slipway ${plan.pipeline} ${version} ${commit.sha.slice(0, 7)} to ${plan.name}, change ${token}`;
}

/** Forward to what was recorded; `rollout undo` would toggle between two revisions, one of them perhaps bad. */
async function undo(context: PlatformContext, recorded: unknown): Promise<UndoResult> {
  if (recorded === null) return { outcome: 'never-ran', note: 'nothing was recorded here' };
  const prior = priorSchema.parse(recorded);
  const name = workloadNamed(context);
  const { container, image } = prior;
  const wasRetired = prior.retired !== null && prior.replicas === 0;
  // what could not come up before is not waited for now either
  const nothingGood = prior.nothingGood === true;
  const result = await writeWorkload(context, name, (present) => {
    const isPrior = requireOurWork(context, name, prior, present);
    const { replicas = 0 } = present.spec;
    const isRevived = wasRetired && replicas !== 0;
    if (isPrior && !isRevived) return null;
    const toNone = isRevived || (nothingGood && replicas !== 0);
    const annotations = {
      [CAUSE_ANNOTATION]: prior.changeCause,
      ...(toNone ? { [REPLICAS_ANNOTATION]: prior.retired ?? String(replicas) } : {}),
    };
    return withImage({ container, image, annotations, ...(toNone ? { replicas: 0 } : {}) });
  });
  if (result === null) throw vanished(context, name);
  const { before, written } = result;
  // an earlier attempt may have written it, and what it replaced be on its way out
  if (!written && !(await hasPodsOfRelease(context, name, before, prior)))
    return { outcome: 'never-ran', note: 'nothing had changed' };
  if (nothingGood && before.spec.replicas === undefined)
    return { outcome: 'undone', note: `back on ${image}, which had never run` };
  const converged = await awaitRollout(context, {
    name,
    container,
    image: written ? image : imageIn(before, container),
    mayBeEmpty: prior.replicas === 0 || nothingGood,
  });
  return { outcome: 'undone', note: `back on ${image}: ${converged}` };
}

async function hasPodsOfRelease(
  context: PlatformContext,
  name: WorkloadName,
  workload: Workload,
  { container, written, image }: Prior,
): Promise<boolean> {
  const release = findReleaseImage(context, written);
  if (release === null || sameImage(release, image)) return false;
  const { pods } = await readBelongings(context, name, workload);
  return pods.some(({ spec }) =>
    spec.containers.some((each) => each.name === container && sameImage(each.image ?? '', release)),
  );
}

function vanished(context: PlatformContext, name: WorkloadName): Error {
  return foreignHand({
    what: `${thingOf(name)} was removed while this release was there`,
    where: placeOf(context),
    why: null,
    wayOut: 'find out who removed it, and create it again',
  });
}

/** Scales to none and remembers the number, so that the next deploy into this colour gets it back. */
async function retire(context: PlatformContext, colour: Colour): Promise<UndoResult> {
  const name = workloadNamed(context, colour);
  const present = await readWorkload(context, name);
  if (present === null) return { outcome: 'never-ran', note: `there is no ${thingOf(name)}` };
  return await scaleToNone(context, name, containerOf(context, name, present));
}

export async function scaleToNone(
  context: PlatformContext,
  name: WorkloadName,
  container: string,
): Promise<UndoResult> {
  const result = await writeWorkload(context, name, ({ spec }) => {
    if (spec.replicas === undefined)
      throw refused({
        what: `${thingOf(name)} has no replicas to take away: it runs on every node`,
        where: placeOf(context),
        why: null,
        wayOut: 'use a deployment for each colour',
      });
    if (spec.replicas === 0) return null;
    const annotations = { [REPLICAS_ANNOTATION]: String(spec.replicas) };
    return { metadata: { annotations }, spec: { replicas: 0 } };
  });
  if (result === null) return { outcome: 'never-ran', note: `there is no ${thingOf(name)}` };
  await awaitRollout(context, {
    name,
    container,
    image: imageIn(result.before, container),
    mayBeEmpty: true,
  });
  return result.written
    ? { outcome: 'undone', note: `${thingOf(name)} scaled to 0` }
    : { outcome: 'never-ran', note: `${thingOf(name)} was at 0 already` };
}

export async function observeWorkload(context: PlatformContext, name: WorkloadName): Promise<string> {
  const workload = await readWorkload(context, name);
  if (workload === null) return 'absent';
  const { pods } = await readBelongings(context, name, workload);
  const { generation = 0 } = workload.metadata;
  const images = workload.spec.template.spec.containers.map(({ image = '' }) => image);
  const settled = (workload.status.observedGeneration ?? 0) >= generation ? 'observed' : 'not observed';
  const lines = pods.map(({ metadata, status }) => {
    const containers = (status.containerStatuses ?? []).map((each) => `${each.ready} ${each.restartCount}`);
    return [metadata.name, status.phase, metadata.deletionTimestamp ?? '', ...containers].join(' ');
  });
  return [...images, settled, ...lines.sort()].join('\n');
}

async function readLogs(context: PlatformContext, lines: number): Promise<string> {
  const name = workloadNamed(context);
  const workload = await readWorkload(context, name);
  return workload === null
    ? ''
    : await workloadLogs(context, name, containerOf(context, name, workload), lines);
}

/** Of the newest pods, each with its name where there are several. */
export async function workloadLogs(
  context: PlatformContext,
  name: WorkloadName,
  container: string,
  lines: number,
): Promise<string> {
  const workload = await readWorkload(context, name);
  if (workload === null) return '';
  const { pods } = await readBelongings(context, name, workload);
  const image = imageIn(workload, container);
  const newest = pods.filter(({ spec }) => spec.containers.some((each) => each.image === image));
  const texts = await Promise.all(
    newest.slice(0, MOST_LOGS).map(async (pod) => {
      const text = await readPodLog(context, pod, container, lines);
      return newest.length === 1 || text === '' ? text : `${pod.metadata.name}:\n${text}`;
    }),
  );
  return texts.filter((text) => text !== '').join('\n');
}

const MOST_LOGS = 5;
