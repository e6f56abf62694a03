/** Platform `compose`: the team's own compose files, started by `docker compose`, believed by what the Engine shows. */
import { badInput } from '../failure.js';
import { listProject, type ComposeContainer } from './compose-containers.js';
import { awaitProject } from './compose-convergence.js';
import { imagesOfRelease, isChosen, sayImages, wantedServices, type ComposeModel } from './compose-model.js';
import { lookAtCompose } from './compose-preflight.js';
import {
  fileOfName,
  nameOfProject,
  notedName,
  ofPlan,
  placeOfProject,
  requireOurs,
  requireProject,
  type ComposePlace,
} from './compose-project.js';
import { writeReleaseFile } from './compose-release-file.js';
import {
  priorSchema,
  proveProject,
  recordProject,
  removeFirst,
  restoreProject,
  retireProject,
} from './compose-restore.js';
import { runUp } from './compose-up.js';
import { requireImage } from './image-availability.js';
import { placeOf, runTool } from './host-question.js';
import { digestOf } from './image-reference.js';
import { readNewLines } from './new-log-lines.js';
import type { Platform, PlatformContext } from './platform.js';
import { readLogsOfAll } from './service-logs.js';

export const compose: Platform = {
  preflight: lookAtCompose,
  claim,
  recordPrior: recordProject,
  proveWayBack: async (context, recorded) =>
    recorded === null
      ? 'none of its services are there yet: undo removes them again'
      : await proveProject(context, priorSchema.parse(recorded)),
  deploy,
  undo: (context, recorded) =>
    recorded === null ? removeFirst(context) : restoreProject(context, priorSchema.parse(recorded)),
  retire: retireProject,
  observe: async (context) => {
    const lines = (await ownContainers(context)).map(({ name, image, state, health }) =>
      `${name} ${image} ${state} ${health ?? ''}`.trimEnd(),
    );
    return lines.join('\n') || 'absent';
  },
  logs: async (context, lines) => {
    const docker = await context.host.docker();
    const own = await ownContainers(context);
    return await readLogsOfAll(
      docker,
      own.map(({ id, name }) => ({ name, what: `containers/${id}` })),
      lines,
    );
  },
  newLogs: async (context, from) => {
    const digests = new Set(context.target.artifacts.map(({ digest }) => digest));
    const released = (await ownContainers(context)).filter(({ image }) => digests.has(digestOf(image) ?? ''));
    const logs = released.map(({ id, state }) => ({
      ...{ path: `containers/${id}`, container: id },
      ended: state === 'exited' || state === 'dead',
    }));
    return await readNewLines(await context.host.docker(), logs, from);
  },
};

/** Containers of the plan's services. */
async function ownContainers(context: PlatformContext): Promise<ComposeContainer[]> {
  const place = await placeOfProject(context);
  return ofPlan(place, await listProject(await context.host.docker(), await nameOfProject(context, place)));
}

/** The name is noted for whatever comes later: the files may no longer say it then. */
async function claim(context: PlatformContext): Promise<void> {
  const place = await placeOfProject(context);
  const project = await nameOfProject(context, place);
  requireOurs(context, place, project, await listProject(await context.host.docker(), project));
  await noteName(context, place, project);
}

async function noteName(context: PlatformContext, { notes }: ComposePlace, project: string): Promise<void> {
  await runTool(context, ['mkdir', '-p', '-m', '700', notes]);
  const { fence } = context;
  await context.host.writeFile(fileOfName(notes), `${project}\n`, { mode: 0o600, fence });
}

async function deploy(context: PlatformContext): Promise<string> {
  const deadline = performance.now() + context.target.plan.timeoutMs;
  const place = await placeOfProject(context);
  const model = await requireProject(context, place);
  const images = requireImagesOfRelease(context, place, model);
  const docker = await context.host.docker();
  const [present] = await Promise.all([
    listProject(docker, model.name),
    ...[...new Set(Object.values(images))].map((image) => requireImage(context, image)),
  ]);
  requireOurs(context, place, model.name, present);
  const noted = await requireNotRenamed(context, place, model.name);

  if (noted !== model.name) await noteName(context, place, model.name);
  const file = await writeReleaseFile(context, place, model, images);
  await runUp(context, {
    project: { name: model.name, folder: place.folder, files: [file], services: place.services },
    ...{ notes: place.notes, step: `compose-${model.name}`, timeoutMs: context.target.plan.timeoutMs },
  });
  const note = await awaitProject(context, {
    project: model.name,
    wanted: wantedServices(model, place.services).map((wanted) => ({
      ...wanted,
      image: images[wanted.service] ?? wanted.image,
    })),
    restartsBefore: new Map(present.map(({ id, restarts }) => [id, restarts])),
    deadline,
  });
  await forgetOldFiles(context, place, await listProject(docker, model.name));
  return note;
}

/** Throws BadInput when no service of the plan's would run this release. */
function requireImagesOfRelease(
  context: PlatformContext,
  { folder, services }: ComposePlace,
  model: ComposeModel,
): Record<string, string> {
  const { images } = imagesOfRelease(model, context.target.artifacts);
  if (Object.keys(images).some((service) => isChosen(services, service))) return images;
  throw badInput({
    what: `no service would run an image of this release (${sayImages(model)})`,
    where: `${placeOf(context)} ${folder}`,
    why: null,
    wayOut:
      'write image: REPOSITORY:${IMAGE_TAG} in the compose file, with the repository of the pipeline file',
  });
}

/** Under a new name compose would start everything a second time, beside what serves. Returns the name that is noted. */
async function requireNotRenamed(
  context: PlatformContext,
  place: ComposePlace,
  name: string,
): Promise<string | null> {
  const noted = await notedName(context, place);
  if (noted === null || noted === name) return noted;
  const left = await listProject(await context.host.docker(), noted);
  if (left.length === 0) return noted;
  throw badInput({
    what: `the project is called ${name} now and was ${noted}, whose ${left.length} containers are still there`,
    where: `${placeOf(context)} ${place.folder}`,
    why: null,
    wayOut: `keep the name, or take the old one away first: docker compose --project-name ${noted} down`,
  });
}

const KEPT_FILES = 20;

/** What containers were made from stays, and the newest files: among them is the way back. */
async function forgetOldFiles(
  context: PlatformContext,
  { notes }: ComposePlace,
  containers: ComposeContainer[],
): Promise<void> {
  const script = `cd -- "$1" || exit 0; shift; ls -t | grep -E '^(release|before)-[0-9]+\\.json$' | tail -n +${KEPT_FILES + 1} | while read -r f; do
case " $* " in *" $PWD/$f "*) ;; *) rm -f -- "$f" ;; esac
done`;
  const used = containers.flatMap(({ files }) => files);
  await runTool(context, ['sh', '-c', script, 'sh', notes, ...used]);
}
