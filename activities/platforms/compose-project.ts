/** A compose project of an environment: its folder on the host, the name compose gives it, what its files say. */
import { gunzipSync } from 'node:zlib';
import type { Colour } from '../../pipeline/plan.js';
import { badInput, refused } from '../failure.js';
import {
  EXIT,
  lacksCompose,
  renderArgv,
  unsetVariables,
  withoutWarnings,
  type ComposeProject,
} from './compose-commands.js';
import { keptFileOf, type ComposeContainer } from './compose-containers.js';
import { isChosen, readModel, type ComposeModel } from './compose-model.js';
import { homeOf, placeOf } from './host-question.js';
import { requireNotAnothers } from '../hosts/owner.js';
import { platformPlan, type PlatformContext } from './platform.js';
import { imageVariables, runTimeEnvironment, runTimeValues } from './run-time-values.js';

const RENDER_TIMEOUT_MS = 30_000;

/** Where the files and notes of one environment and colour are. */
export interface ComposePlace {
  /** The team's folder. */
  folder: string;
  /** Ours, in the ssh user's home. */
  notes: string;
  colour: Colour | null;
  /** Text of the commit's compose file; null = the files in the folder. */
  file: string | null;
  /** Empty = all. */
  services: readonly string[];
}

export async function placeOfProject(
  context: PlatformContext,
  colour: Colour | null = context.target.colour,
): Promise<ComposePlace> {
  const { plan } = context.target;
  const { folder, file: path, files, services } = platformPlan(context, 'compose');
  const file = files?.[colour ?? 'live'] ?? null;
  // without its text the file in the folder would be taken for the commit's
  if (path !== null && file === null) throw new Error(`the plan names ${path} and does not have its text`);
  return {
    folder: folderOfProject(folder, colour),
    notes: `${await homeOf(context)}/.slipway/compose/${plan.pipeline}/${plan.name}/${colour ?? 'live'}`,
    colour,
    file,
    services,
  };
}

/** As compose notes it on every container: without a slash at its end. */
export function folderOfProject(folder: string, colour: Colour | null): string {
  return folder.replaceAll('{colour}', colour ?? '').replace(/(?<=.)\/+$/, '');
}

/** Stands in for the digest while there is none: a file that is ready for one can be told from one that is not. */
export const NOT_BUILT = `sha256:${'0'.repeat(64)}`;

/** What the compose file is filled in with, and its services are given. */
export function environmentOf(context: PlatformContext): Record<string, string> {
  const { target } = context;
  const known = runTimeEnvironment(runTimeValues(target), `${target.plan.name} compose`);
  return {
    IMAGE_TAG: `${target.plan.tags[0] ?? 'not-built'}@${NOT_BUILT}`,
    ...context.env,
    ...known,
    ...imageVariables(target),
    ...(target.colour === null ? {} : { COLOUR: target.colour }),
  };
}

/** Values of the environment's `secrets:`, which nothing on the host keeps. */
export function secretsOf(context: PlatformContext): Record<string, string> {
  return Object.fromEntries(
    Object.keys(context.target.plan.secrets).flatMap((name) => {
      const value = context.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

export type Rendering =
  | { ok: true; model: ComposeModel; unset: string[] }
  | { ok: false; what: string; why: string | null; wayOut: string };

/** `docker compose config`, read only. What is wrong with folder or file is an answer; a host that cannot be asked is thrown. */
export async function render(
  context: PlatformContext,
  project: ComposeProject,
  { env, stdin }: { env: Record<string, string>; stdin?: string },
): Promise<Rendering> {
  const result = await context.host.run({
    argv: renderArgv(project),
    env,
    timeoutMs: RENDER_TIMEOUT_MS,
    ...(stdin === undefined ? {} : { stdin }),
  });
  const { folder } = project;
  const said = withoutWarnings(result.stderr);
  const bad = (what: string, wayOut: string, why: string | null = said === '' ? null : said): Rendering => ({
    ok: false,
    what,
    why,
    wayOut,
  });
  if (result.exitCode === null)
    throw new Error(
      `${placeOf(context)}: docker compose config has not answered${result.timedOut ? ' in time' : ''}`,
    );
  if (result.exitCode === EXIT.noFolder)
    return bad(`there is no folder ${folder}`, `create it there, with the compose file in it`, null);
  if (result.exitCode === EXIT.noFile)
    return bad(
      `there is no compose file in ${folder}`,
      `put compose.yaml there, or name the repository's with file: in the pipeline file`,
      null,
    );
  if (lacksCompose(result.stderr))
    return bad(
      'docker has no compose there',
      'install the plugin: apt-get install docker-compose-plugin',
      null,
    );
  if (result.exitCode !== 0)
    return bad(
      said === '' ? `docker compose config exited ${result.exitCode}` : firstLine(said),
      'correct the file; docker compose config there says the same',
    );
  return {
    ok: true,
    model: readModel(unpack(context, result.stdout), `${placeOf(context)} ${folder}`),
    unset: unsetVariables(result.stderr),
  };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function unpack(context: PlatformContext, packed: string): string {
  try {
    return gunzipSync(Buffer.from(packed, 'base64')).toString();
  } catch (error) {
    throw badInput({
      what: 'what docker compose config prints is too long, or was not packed whole',
      where: placeOf(context),
      why: String(error),
      wayOut: 'see that gzip and base64 are on that host; split a very large compose file',
    });
  }
}

/** The project as the release would have it. Blue and green in one folder get a name each. */
export async function renderProject(
  context: PlatformContext,
  { folder, file, colour, services }: ComposePlace,
): Promise<Rendering> {
  const how = { env: environmentOf(context), ...(file === null ? {} : { stdin: file }) };
  const project = { name: null, folder, files: file === null ? [] : ['-'], services };
  const found = await render(context, project, how);
  if (!found.ok || colour === null || found.model.name.endsWith(colour)) return found;
  return await render(context, { ...project, name: `${found.model.name}-${colour}` }, how);
}

/** As `renderProject`; throws BadInput where the files cannot be used. */
export async function requireProject(context: PlatformContext, place: ComposePlace): Promise<ComposeModel> {
  const rendering = await renderProject(context, place);
  if (!rendering.ok) {
    const { ok: _ok, ...details } = rendering;
    throw badInput({ ...details, where: placeOf(context) });
  }
  const unset = missingVariables(context, rendering.unset);
  if (unset.length === 0) return rendering.model;
  throw badInput({
    what: `${sayUnset(unset)}: compose would fill in nothing`,
    where: `${placeOf(context)} ${place.folder}`,
    why: null,
    wayOut: unsetWayOut(unset),
  });
}

/** Before the build the variables of the release's images are rightly not there. */
export function missingVariables({ target }: PlatformContext, unset: string[]): string[] {
  return target.artifacts.length > 0 ? unset : unset.filter((name) => !name.startsWith('IMAGE_TAG'));
}

export function sayUnset(unset: string[]): string {
  return unset.length === 1
    ? `the variable ${unset[0]} is not set`
    : `the variables ${unset.join(', ')} are not set`;
}

export function unsetWayOut(unset: string[]): string {
  const [first = 'NAME'] = unset;
  return `put it into .env there or under secrets: in the pipeline file; where nothing is meant write \${${first}:-}, for a dollar $$`;
}

/** Where the last claim noted the name of the project. */
export function fileOfName(notes: string): string {
  return `${notes}/project`;
}

/** Name of the project as the last claim noted it; null = nothing was claimed here yet. */
export async function notedName(context: PlatformContext, { notes }: ComposePlace): Promise<string | null> {
  return (await context.host.readFile(fileOfName(notes)))?.trim() ?? null;
}

/** Name of the project as the last claim noted it, else as its files say. Throws BadInput where they cannot be used. */
export async function nameOfProject(context: PlatformContext, place: ComposePlace): Promise<string> {
  return (await notedName(context, place)) ?? (await requireProject(context, place)).name;
}

/** Containers of the plan's services. */
export function ofPlan({ services }: ComposePlace, containers: ComposeContainer[]): ComposeContainer[] {
  return containers.filter(({ service }) => isChosen(services, service));
}

/**
 * Throws Refused when these services are another pipeline's or another folder's, StaleFence when a newer change's.
 * What somebody started by hand in this folder is taken over.
 */
export function requireOurs(
  context: PlatformContext,
  place: ComposePlace,
  project: string,
  containers: ComposeContainer[],
): void {
  const { folder } = place;
  for (const each of ofPlan(place, containers)) {
    const kept = keptFileOf(each);
    if (kept !== null) {
      const again = 'docker compose up --detach --force-recreate in its folder takes it back into hands';
      requireNotAnothers(
        { fence: context.fence, where: placeOf(context) },
        `container ${each.name}`,
        kept,
        `use another project name (name: in the compose file), or hand it over: ${again}`,
      );
    }
    if (each.folder === folder) continue;
    throw refused({
      what: `project ${project} runs from ${each.folder || 'another place'} already (container ${each.name}), not from ${folder}`,
      where: placeOf(context),
      why: null,
      wayOut: `two folders of one name are one project for compose: write name: into one compose file, or COMPOSE_PROJECT_NAME into its .env`,
    });
  }
}
