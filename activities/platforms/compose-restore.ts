/** A project back to what was recorded of it, compare-and-set, and a project that was not there taken away again. */
import { z } from 'zod';
import type { Colour } from '../../pipeline/plan.js';
import type { UndoResult } from '../../workflows/activity-contract.js';
import { foreignHand, refused } from '../failure.js';
import { hashesArgv } from './compose-commands.js';
import { byService, keptFileOf, listProject, type ComposeContainer } from './compose-containers.js';
import { awaitProject } from './compose-convergence.js';
import { runs } from './compose-judgement.js';
import { keptText, readModel, type ComposeModel } from './compose-model.js';
import {
  nameOfProject,
  notedName,
  ofPlan,
  placeOfProject,
  render,
  requireOurs,
  secretsOf,
  type ComposePlace,
} from './compose-project.js';
import { runRemove, runUp } from './compose-up.js';
import { callEngine } from './engine.js';
import { isOnHost, requireWayBackTo, resolveDigest } from './image-availability.js';
import { digestOf, repositoryOf } from './image-reference.js';
import { placeOf, runTool } from './host-question.js';
import { onlyLooks, ownerOf } from '../hosts/owner.js';
import type { PlatformContext } from './platform.js';

/** What a project was before a release: without a value of any secret, since histories keep it. */
export const priorSchema = z.object({
  kind: z.literal('compose'),
  project: z.string(),
  folder: z.string(),
  /** On the host: the project as it was, images by digest. */
  file: z.string(),
  services: z.array(
    z.object({
      service: z.string(),
      /** By digest; `sha256:…` of the image itself where no registry has given it one. */
      image: z.string(),
      hash: z.string(),
      count: z.number(),
      /** It ran and was well: what did not is brought back, and not waited for. */
      good: z.boolean(),
    }),
  ),
  /** Services that were started from other settings than the files have now. */
  differs: z.array(z.string()),
});
export type ComposePrior = z.infer<typeof priorSchema>;
type PriorService = ComposePrior['services'][number];

export async function recordProject(context: PlatformContext): Promise<ComposePrior | null> {
  const place = await placeOfProject(context);
  const project = await nameOfProject(context, place);
  const containers = await listProject(await context.host.docker(), project);
  requireOurs(context, place, project, containers);
  const own = ofPlan(place, containers);
  if (own.length === 0) return null;
  const services: PriorService[] = [];
  for (const [service, all] of byService(own)) services.push(await recordService(context, service, all));
  const kept = await newestKept(context, own);
  const recorded = { kind: 'compose' as const, project, folder: place.folder, services };
  if (kept !== null) return { ...recorded, file: kept, differs: [] };
  return { ...recorded, ...(await keepByHand(context, place, own, recorded)) };
}

async function recordService(
  context: PlatformContext,
  service: string,
  all: ComposeContainer[],
): Promise<PriorService> {
  const running = all.filter(({ state }) => state === 'running');
  const first = running[0] ?? all[0];
  if (first === undefined) throw new Error(`service ${service} has no containers`);
  const good = running.length > 0 && running.every(({ health }) => health === null || health === 'healthy');
  const image = await imageByDigest(context, first);
  return { service, image, hash: first.hash, count: running.length || all.length, good };
}

async function imageByDigest(
  context: PlatformContext,
  { image, imageId }: ComposeContainer,
): Promise<string> {
  if (digestOf(image) !== null) return image;
  const resolved = await resolveDigest(context, imageId);
  const digest = resolved === null ? null : digestOf(resolved);
  if (resolved === null || digest === null) return imageId;
  return image.startsWith('sha256:') ? resolved : `${image}@${digest}`;
}

/** All made from files of ours that are still there: the newest says what ran. */
async function newestKept(context: PlatformContext, own: ComposeContainer[]): Promise<string | null> {
  const kept = own.map(keptFileOf).filter((each) => each !== null);
  if (kept.length < own.length) return null;
  const newest = kept.sort((one, other) => other.fence - one.fence)[0];
  if (newest === undefined || (await context.host.readFile(newest.path)) === null) return null;
  return newest.path;
}

/** What was started by hand is written down from the files it was started from, with the images that really run. */
async function keepByHand(
  context: PlatformContext,
  place: ComposePlace,
  own: ComposeContainer[],
  { project: name, services }: Pick<ComposePrior, 'project' | 'services'>,
): Promise<Pick<ComposePrior, 'file' | 'differs'>> {
  const byHand = own.find((each) => keptFileOf(each) === null);
  const example = byHand ?? own[0];
  if (example === undefined) throw new Error(`project ${name} has no containers`);
  const tag = example.image.slice(repositoryOf(example.image).length + 1);
  const env = { ...context.env, ...(tag === '' ? {} : { IMAGE_TAG: tag }) };
  // ours that is gone: the commit's file is the nearest there is
  const stdin = byHand === undefined ? place.file : null;
  const files = byHand?.files ?? (stdin === null ? [] : ['-']);
  const project = { name, folder: place.folder, files, services: [] };
  const given = { env, ...(stdin === null ? {} : { stdin }) };
  const [rendering, hashes] = await Promise.all([
    render(context, project, given),
    context.host.run({ argv: hashesArgv(project), ...given, timeoutMs: 30_000 }),
  ]);
  if (!rendering.ok) {
    throw refused({
      what: `no way back: ${rendering.what}`,
      where: `${placeOf(context)} ${place.folder}`,
      why: rendering.why,
      wayOut: 'bring the files back that it was started from, or take it away first: docker compose down',
    });
  }
  const present = new Set(hashes.stdout.split('\n').map((line) => line.trim()));
  const differs = services
    .filter(({ service, hash }) => !present.has(`${service} ${hash}`))
    .map(({ service }) => service);
  const file = `${place.notes}/before-${context.target.token}.json`;
  if (onlyLooks(context.fence)) return { file, differs };
  const images = Object.fromEntries(services.map(({ service, image }) => [service, image]));
  const model = withCounts(rendering.model, services);
  await runTool(context, ['mkdir', '-p', '-m', '700', place.notes]);
  const text = keptText(model, { images, secrets: secretsOf(context) });
  await context.host.writeFile(file, text, { mode: 0o600, fence: context.fence });
  return { file, differs };
}

/** As many containers as there were, whatever the file says. */
function withCounts(model: ComposeModel, services: PriorService[]): ComposeModel {
  const counted = Object.entries(model.services).map(([name, each]) => {
    const count = services.find(({ service }) => service === name)?.count;
    const asked = each.scale ?? each.deploy?.replicas ?? 1;
    return [name, count === undefined || count === asked ? each : { ...each, scale: count }];
  });
  return { ...model, services: Object.fromEntries(counted) };
}

/** Every image is there or can be had, and the file needs nothing that nobody knows any more. */
export async function proveProject(context: PlatformContext, prior: ComposePrior): Promise<string> {
  const writes = !onlyLooks(context.fence);
  if (writes) await requireKeptFile(context, prior);
  const notes: string[] = [];
  for (const { service, image } of prior.services) {
    await requireImageOf(context, image);
    if (writes) await keepFromPruning(context, prior.project, service, image);
    notes.push(`${service} on ${image}`);
  }
  const { differs } = prior;
  const otherwise = `; started from other settings than the files have now, and these are what it goes back to: ${differs.join(', ')}`;
  return `${notes.join(', ')}${differs.length === 0 ? '' : otherwise}`;
}

async function requireKeptFile(context: PlatformContext, { file, project }: ComposePrior): Promise<void> {
  const where = `${placeOf(context)} ${file}`;
  const text = await context.host.readFile(file);
  if (text === null) {
    throw refused({
      what: `no way back: the file that says what project ${project} was is gone`,
      where,
      why: null,
      wayOut: 'see who cleans up ~/.slipway there, then put the project right by hand',
    });
  }
  const needed = readModel(text, where)['x-slipway']?.secrets ?? [];
  const missing = needed.filter((name) => context.env[name] === undefined);
  if (missing.length === 0) return;
  throw refused({
    what: `no way back: the release before was given ${missing.join(', ')}, which secrets: names no more`,
    where,
    why: null,
    wayOut: `keep ${missing.join(', ')} under secrets: for this release, and take it out with the next`,
  });
}

async function requireImageOf(context: PlatformContext, image: string): Promise<void> {
  if (!image.startsWith('sha256:')) {
    await requireWayBackTo(context, image);
    return;
  }
  if (await isOnHost(context, image)) return;
  throw refused({
    what: `no way back: ${image} was made on that host and is not there any more`,
    where: placeOf(context),
    why: null,
    wayOut: 'build it there again, or take the service away first: docker compose rm --stop',
  });
}

/** `docker image prune` takes what has no tag, and what came by digest has none. */
async function keepFromPruning(
  context: PlatformContext,
  project: string,
  service: string,
  image: string,
): Promise<void> {
  if (!(await isOnHost(context, image))) return;
  await callEngine(await context.host.docker(), {
    method: 'POST',
    path: `/images/${image}/tag`,
    query: { repo: `slipway-before/${project}-${service}`.toLowerCase(), tag: 'latest' },
  });
}

/** Each service back to its recorded image and settings; services that this release brought are removed. */
export async function restoreProject(context: PlatformContext, prior: ComposePrior): Promise<UndoResult> {
  const deadline = performance.now() + context.target.plan.timeoutMs;
  const place = await placeOfProject(context);
  const present = await listProject(await context.host.docker(), prior.project);
  const own = ofPlan(place, present);
  for (const each of own) requireRecognised(context, prior, each);
  const added = own.filter(({ service }) => findService(prior, service) === undefined);
  const isBack = prior.services.every(({ service, count }) => {
    const all = own.filter((each) => each.service === service);
    return all.length === count && all.every((each) => isOfPrior(prior, each));
  });
  const mayMove = own.some((each) => each.health === 'starting' || keptFileOf(each)?.path === prior.file);
  if (isBack && added.length === 0 && !mayMove) return { outcome: 'never-ran', note: 'nothing had changed' };
  await requireKeptFile(context, prior);
  await removeAdded(context, place, prior, added);
  const run = { name: prior.project, folder: prior.folder, files: [prior.file] };
  await runUp(context, {
    project: { ...run, services: prior.services.map(({ service }) => service) },
    ...{
      notes: place.notes,
      step: `compose-back-${prior.project}`,
      timeoutMs: context.target.plan.timeoutMs,
    },
  });
  const good = prior.services.filter((each) => each.good);
  const note = await awaitProject(context, {
    project: prior.project,
    wanted: good.map(({ service, image, count }) => ({ service, image, replicas: count, isJob: false })),
    restartsBefore: new Map(present.map(({ id, restarts }) => [id, restarts])),
    deadline,
  });
  return isBack && added.length === 0
    ? { outcome: 'never-ran', note: 'it was back already' }
    : { outcome: 'undone', note: `back on the recorded project: ${note}` };
}

async function removeAdded(
  context: PlatformContext,
  { notes }: ComposePlace,
  { project: name, folder }: ComposePrior,
  added: ComposeContainer[],
): Promise<void> {
  const [first] = added;
  if (first === undefined) return;
  const services = [...new Set(added.map(({ service }) => service))];
  await runRemove(context, {
    project: { name, folder, files: first.files, services },
    ...{ notes, step: `compose-added-${name}`, timeoutMs: context.target.plan.timeoutMs },
  });
}

function findService({ services }: ComposePrior, name: string): PriorService | undefined {
  return services.find(({ service }) => service === name);
}

function isOfPrior(prior: ComposePrior, container: ComposeContainer): boolean {
  const before = findService(prior, container.service);
  if (before === undefined) return false;
  if (keptFileOf(container)?.path === prior.file && runs(container, before)) return true;
  return container.hash === before.hash && (runs(container, before) || digestOf(container.image) === null);
}

/** Compare-and-set: what is there must be what was recorded, or what a change of ours made. */
function requireRecognised(context: PlatformContext, prior: ComposePrior, container: ComposeContainer): void {
  if (isOfPrior(prior, container)) return;
  requireMadeByUs(context, container);
}

function requireMadeByUs(context: PlatformContext, container: ComposeContainer): void {
  const kept = keptFileOf(container);
  const isOurs = kept?.owner === ownerOf(context.fence) && kept.fence <= context.target.token;
  if (isOurs) return;
  throw foreignHand({
    what: `container ${container.name} is neither what this release made nor what was there before: it runs ${container.image}`,
    where: placeOf(context),
    why: `made from ${container.files.join(', ') || 'nobody knows what'} in ${container.folder || 'no folder'}`,
    wayOut: `see who changed it, then put it right by hand: docker inspect ${container.name}`,
  });
}

/** Undo of a first release: what it started goes, and nothing else may be there. */
export async function removeFirst(context: PlatformContext): Promise<UndoResult> {
  const place = await placeOfProject(context);
  const name = await notedName(context, place);
  if (name === null) return { outcome: 'never-ran', note: 'nothing was started' };
  const own = ofPlan(place, await listProject(await context.host.docker(), name));
  for (const each of own) requireMadeByUs(context, each);
  return await remove(context, place, name, own);
}

/** Stops a colour, or what is there without colours; also what somebody started by hand in its folder. */
export async function retireProject(context: PlatformContext, colour: Colour | null): Promise<UndoResult> {
  const place = await placeOfProject(context, colour);
  const name = await nameOfProject(context, place);
  const own = ofPlan(place, await listProject(await context.host.docker(), name));
  requireOurs(context, place, name, own);
  return await remove(context, place, name, own);
}

/** The plan's services, with all of a project its networks; volumes stay. */
async function remove(
  context: PlatformContext,
  place: ComposePlace,
  name: string,
  own: ComposeContainer[],
): Promise<UndoResult> {
  const [first] = own;
  if (first === undefined) return { outcome: 'never-ran', note: `nothing of project ${name} is there` };
  await runRemove(context, {
    project: { name, folder: place.folder, files: first.files, services: place.services },
    ...{ notes: place.notes, step: `compose-down-${name}`, timeoutMs: context.target.plan.timeoutMs },
  });
  const left = ofPlan(place, await listProject(await context.host.docker(), name));
  if (left.length === 0) return { outcome: 'undone', note: `project ${name} removed, its volumes kept` };
  throw refused({
    what: `project ${name} is not gone: ${left.map((each) => each.name).join(', ')}`,
    where: placeOf(context),
    why: null,
    wayOut: `see what holds it: docker compose --project-name ${name} ps --all`,
  });
}
