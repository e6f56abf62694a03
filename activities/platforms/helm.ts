/**
 * Platform `helm`: the chart of the commit, by the helm of the worker. Its exit code is not believed: the workloads of what
 * it installed are waited for as those of platform `kubernetes` are.
 */
import { z } from 'zod';
import type { Colour } from '../../pipeline/plan.js';
import type { PreflightFinding, UndoResult } from '../../workflows/activity-contract.js';
import { detailsOf, foreignHand, refused } from '../failure.js';
import { Conflict } from '../kubernetes/cluster.js';
import { fenceOf, writeFenced, type Fenced } from '../kubernetes/cluster-fence.js';
import { anyObjectSchema } from '../kubernetes/objects.js';
import { finding } from './host-findings.js';
import { placeOf, runTool } from './host-question.js';
import { sameImage } from './image-reference.js';
import {
  imagesOf,
  keepChart,
  readHistory,
  readInstalled,
  releaseOf,
  renderChart,
  rollbackArgv,
  runHelm,
  setArguments,
  uninstallArgv,
  upgradeArgv,
  type HelmRelease,
  type Revision,
} from './helm-cli.js';
import { missingImages, readManifest, type Manifest, type ManifestWorkload } from './helm-manifest.js';
import { awaitRollout } from './kubernetes-convergence.js';
import { lookAtCluster } from './kubernetes-preflight.js';
import { observeWorkload, scaleToNone, workloadLogs } from './kubernetes.js';
import { readNewPodLines } from './new-pod-lines.js';
import { platformPlan, type FenceKeeper, type Platform, type PlatformContext } from './platform.js';

/** The revision that this environment had helm write last. */
const REVISION_ANNOTATION = 'slipway.dev/helm-revision';

const priorSchema = z.object({ kind: z.literal('helm'), revision: z.number() });

export const helm: Platform = {
  fenceKeeper,
  preflight,
  claim: async () => {},
  recordPrior,
  proveWayBack,
  deploy,
  undo,
  retire,
  observe,
  logs: async (context, lines) => {
    const [first] = (await installed(context, releaseOf(context)))?.workloads ?? [];
    return first === undefined ? '' : await workloadLogs(context, first.name, mainOf(context, first), lines);
  },
  newLogs: async (context, from) => {
    const of = releaseOf(context);
    const manifest = await installed(context, of);
    if (manifest === null) throw new Error(`${placeOf(context)}: ${of.release} is not installed`);
    const workloads = manifest.workloads.map(({ name }) => name);
    return await readNewPodLines(context, workloads, from);
  },
};

/**
 * The token is an annotation of a config map beside the release, so every worker sees it; what an older change has left
 * running on this one is ended by its own journal. helm itself lets only one operation at a time touch a release.
 */
function fenceKeeper(context: PlatformContext): FenceKeeper {
  return {
    claim: async (fence, own) => {
      const { metadata } = await holdFence(context);
      await context.host.claim(fence, own);
      return { hostId: metadata.uid, previousToken: fenceOf(metadata) };
    },
    killStale: (fence) => context.host.killStale(fence),
  };
}

/** `next` = the revision that helm is about to write: whose a half-written one is, helm itself does not say. */
async function holdFence(
  context: PlatformContext,
  next: number | null = null,
): Promise<z.infer<typeof anyObjectSchema>> {
  const { release, namespace } = releaseOf(context);
  const cluster = await context.cluster();
  const name = `slipway-${release}`;
  const folder = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`;
  const { fence } = context;
  const fenced: Fenced = {
    ...{ cluster, fence, where: placeOf(context) },
    path: `${folder}/${name}`,
    thing: `configmap/${name}`,
  };
  const noted = next === null ? null : { metadata: { annotations: { [REVISION_ANNOTATION]: String(next) } } };
  const hold = (): ReturnType<typeof writeFenced<z.infer<typeof anyObjectSchema>>> =>
    writeFenced(
      fenced,
      (object) => anyObjectSchema.parse(object),
      () => noted,
    );
  const found = await hold();
  if (found !== null) return found.before;
  try {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
    await cluster.ask({ method: 'POST', path: folder, body });
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
  }
  const made = await hold();
  if (made === null) throw new Error(`${fenced.thing} is gone as soon as it was made`);
  return made.before;
}

/** Runs helm for the revision after `last`, which is ours from now on. */
async function write(
  context: PlatformContext,
  step: string,
  last: Revision | undefined,
  argv: string[],
): Promise<void> {
  await holdFence(context, (last?.revision ?? 0) + 1);
  await runHelm(context, `${step}-${last?.revision ?? 0}`, argv);
}

/** Did this environment have it written? */
async function isNoted(context: PlatformContext, { revision }: Revision): Promise<boolean> {
  const { metadata } = await holdFence(context);
  return metadata.annotations?.[REVISION_ANNOTATION] === String(revision);
}

async function preflight(context: PlatformContext): Promise<PreflightFinding[]> {
  const version = await runTool(context, ['helm', 'version', '--short']);
  if (version.exitCode !== 0)
    return [
      finding(
        context,
        'helm',
        'problem',
        'not found on the PATH of the worker',
        'install helm there (docs/kubernetes.md#helm)',
      ),
    ];
  const there = finding(context, 'helm', 'ok', version.stdout.trim());
  const { findings, cluster } = await lookAtCluster(context);
  if (cluster === null) return [there, ...findings];
  return [there, ...findings, ...(await lookAtChart(context))];
}

/** Before anything is built there is no image to render it with. */
async function lookAtChart(context: PlatformContext): Promise<PreflightFinding[]> {
  if (imagesOf(context).length === 0) return [];
  const { chart } = platformPlan(context, 'helm');
  try {
    await render(context, releaseOf(context));
    return [finding(context, `chart ${chart}`, 'ok', 'renders, with the image of this release')];
  } catch (error) {
    const details = detailsOf(error);
    if (details?.what === undefined) throw error;
    return [finding(context, `chart ${chart}`, 'problem', details.what, details.wayOut ?? null)];
  }
}

/** The chart as it would be installed: in its own namespace, and with this release in it. */
async function render(context: PlatformContext, of: HelmRelease): Promise<Manifest> {
  const manifest = readManifest(await renderChart(context, of), of.namespace);
  const where = placeOf(context);
  const elsewhere = manifest.namespaces.find((namespace) => namespace !== of.namespace);
  if (elsewhere !== undefined)
    throw refused({
      what: `the chart names namespace ${elsewhere}, and the platform is for ${of.namespace}`,
      where,
      why: null,
      wayOut: 'leave metadata.namespace out of the chart, or say namespace: in the platform',
    });
  const [missing] = missingImages(manifest, imagesOf(context));
  if (missing === undefined) return manifest;
  throw refused({
    what: `no workload of the chart would run ${missing}`,
    where,
    why: manifest.workloads.flatMap(({ containers }) => containers.map(({ image }) => image)).join('\n'),
    wayOut: 'give it the image of the release: set: {image.tag: "{tag}"} (docs/kubernetes.md#helm)',
  });
}

function isPending({ status }: Revision): boolean {
  return status.startsWith('pending') || status === 'uninstalling';
}

/** What `helm history` shows of a release that came through. */
function described({ target: { plan, version, token } }: PlatformContext): string {
  return `slipway ${plan.pipeline}/${plan.name} change ${token} to ${version}`;
}

async function recordPrior(context: PlatformContext): Promise<z.infer<typeof priorSchema> | null> {
  const good = (await readHistory(context, releaseOf(context))).findLast(
    ({ status }) => status === 'deployed',
  );
  return good === undefined ? null : { kind: 'helm', revision: good.revision };
}

async function proveWayBack(context: PlatformContext, recorded: unknown): Promise<string> {
  const { release } = releaseOf(context);
  if (recorded === null) return `${release} is not installed yet`;
  return `${release} back to revision ${priorSchema.parse(recorded).revision}`;
}

async function deploy(context: PlatformContext): Promise<string> {
  const of = releaseOf(context);
  await render(context, of);
  await endPending(context, of);
  const last = (await readHistory(context, of)).at(-1);
  if (last?.status !== 'deployed' || last.description !== described(context)) {
    context.progress(`helm upgrade ${of.release}`);
    const chart = await keepChart(context);
    await write(context, 'helm', last, upgradeArgv(of, chart, setArguments(context), described(context)));
  }
  const manifest = await installed(context, of);
  const [missing] = missingImages(manifest ?? { workloads: [], namespaces: [] }, imagesOf(context));
  if (missing !== undefined)
    throw foreignHand({
      what: `${of.release} was installed, and does not run ${missing}`,
      where: placeOf(context),
      why: null,
      wayOut: 'see who else upgrades it: helm history',
    });
  return await awaitAll(context, manifest);
}

/** A helm that was killed leaves its release locked: ours is brought back to what was good, a stranger's is not touched. */
async function endPending(context: PlatformContext, of: HelmRelease): Promise<void> {
  const history = await readHistory(context, of);
  const last = history.at(-1);
  if (last === undefined || !isPending(last)) return;
  if (!(await isNoted(context, last)))
    throw foreignHand({
      what: `revision ${last.revision} of ${of.release} is ${last.status}: somebody else's helm runs, or was killed`,
      where: placeOf(context),
      why: last.description ?? null,
      wayOut: `when nobody runs it: helm rollback ${of.release} --namespace ${of.namespace}`,
    });
  const good = history.findLast(({ status }) => status === 'deployed' || status === 'superseded');
  const argv = good === undefined ? uninstallArgv(of) : rollbackArgv(of, good.revision);
  await write(context, 'clear', last, argv);
}

async function undo(context: PlatformContext, recorded: unknown): Promise<UndoResult> {
  const of = releaseOf(context);
  const prior = recorded === null ? null : priorSchema.parse(recorded);
  const last = (await readHistory(context, of)).at(-1);
  if (isBack(last, prior?.revision ?? null)) {
    await holdFence(context);
    return { outcome: 'never-ran', note: `${of.release} is as it was` };
  }
  if (last === undefined || !(await isNoted(context, last)))
    throw foreignHand({
      what:
        last === undefined
          ? `${of.release} was uninstalled while this release was there`
          : `revision ${last.revision} of ${of.release} is not what this release wrote`,
      where: placeOf(context),
      why: last?.description ?? null,
      wayOut: `see who did it, then put it right by hand: helm history ${of.release} --namespace ${of.namespace}`,
    });
  if (prior === null) {
    await write(context, 'undo', last, uninstallArgv(of));
    return { outcome: 'undone', note: `${of.release} uninstalled: nothing was there before` };
  }
  await write(context, 'undo', last, rollbackArgv(of, prior.revision));
  const converged = await awaitAll(context, await installed(context, of));
  return { outcome: 'undone', note: `${of.release} back on revision ${prior.revision}: ${converged}` };
}

/** Is what is there what was there before, or a rollback to it? */
function isBack(last: Revision | undefined, revision: number | null): boolean {
  if (last === undefined || revision === null) return last === undefined && revision === null;
  return (
    last.status === 'deployed' &&
    (last.revision === revision || last.description === `Rollback to ${revision}`)
  );
}

/** null = not installed. */
async function installed(context: PlatformContext, of: HelmRelease): Promise<Manifest | null> {
  if ((await readHistory(context, of)).length === 0) return null;
  return readManifest(await readInstalled(context, of), of.namespace);
}

/** Where a release is, else the first. */
function mainOf(context: PlatformContext, { containers }: ManifestWorkload): string {
  const images = imagesOf(context);
  const main = containers.find(({ image }) => images.some((each) => sameImage(each, image))) ?? containers[0];
  return main?.name ?? '';
}

async function awaitAll(context: PlatformContext, manifest: Manifest | null): Promise<string> {
  const notes: string[] = [];
  for (const workload of manifest?.workloads ?? []) {
    const container = mainOf(context, workload);
    const image = workload.containers.find(({ name }) => name === container)?.image ?? '';
    notes.push(await awaitRollout(context, { name: workload.name, container, image, mayBeEmpty: true }));
  }
  return notes.join(', ');
}

async function retire(context: PlatformContext, colour: Colour): Promise<UndoResult> {
  const of = releaseOf(context, colour);
  const results: UndoResult[] = [];
  for (const workload of (await installed(context, of))?.workloads ?? [])
    results.push(await scaleToNone(context, workload.name, mainOf(context, workload)));
  const note =
    results.length === 0 ? `${of.release} is not installed` : results.map((each) => each.note).join(', ');
  return { outcome: results.some(({ outcome }) => outcome === 'undone') ? 'undone' : 'never-ran', note };
}

async function observe(context: PlatformContext): Promise<string> {
  const of = releaseOf(context);
  const last = (await readHistory(context, of)).at(-1);
  const seen = [`${last?.revision ?? 0} ${last?.status ?? 'absent'}`];
  for (const { name } of (await installed(context, of))?.workloads ?? [])
    seen.push(await observeWorkload(context, name));
  return seen.join('\n');
}
