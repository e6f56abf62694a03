/**
 * A command on a database that runs `inside: CONTAINER`: in a container of its own, of the release's image, with the
 * network, the volumes and the environment of that running one. The running one is of the release before, which does not
 * know the new migrations, and whoever kills a command in it kills half of it.
 */
import { z } from 'zod';
import { findContainers } from '../docker/find-containers.js';
import { refused } from '../failure.js';
import type { RemoteCommand } from '../hosts/host.js';
import { placeOf } from '../platforms/host-question.js';
import { isOnHost, requireImage } from '../platforms/image-availability.js';
import { prepareServiceRun } from '../platforms/compose-one-off.js';
import { digestOf, pinnedImage, repositoryOf } from '../platforms/image-reference.js';
import type { PlatformContext } from '../platforms/platform.js';

export type ContainerCommand = Pick<RemoteCommand, 'argv' | 'env'>;

/** For docker's init: an interrupt reaches every process in there, or a shell in front would keep it from its client. */
const TO_ALL = ['--env', 'TINI_KILL_PROCESS_GROUP=1'];
/** The docker client on the host needs these for itself. */
const NOT_PASSED_ON = new Set(['PATH', 'HOME', 'HOSTNAME']);

const inspected = z.looseObject({
  Id: z.string(),
  Image: z.string(),
  Config: z.looseObject({
    Image: z.string(),
    Env: z.array(z.string()).nullish(),
    User: z.string().nullish(),
  }),
});
const imageSchema = z.looseObject({
  Config: z.looseObject({ Env: z.array(z.string()).nullish() }).nullish(),
});

/** One at a time per environment, so that the next can end what an earlier one has left. */
export function nameOfOneOff({ target: { plan } }: PlatformContext): string {
  return `slipway-database-${plan.pipeline}-${plan.name}`;
}

export function buildEndArgv(name: string): string[] {
  return ['docker', 'rm', '--force', name];
}

/** `names` of the environment variables, whose values the client takes from its own. `name` null = one beside others. */
export function buildOneOffArgv(input: {
  name: string | null;
  like: string;
  user: string;
  image: string;
  names: string[];
  text: string;
}): string[] {
  const { name, like, user, image, names, text } = input;
  const run = [
    ...['docker', 'run', '--rm', '--init', '--pull', 'missing'],
    ...(name === null ? [] : ['--name', name]),
    ...['--network', `container:${like}`, '--volumes-from', like],
    ...(user === '' ? [] : ['--user', user]),
    ...names.flatMap((each) => ['--env', each]),
    ...TO_ALL,
    ...['--entrypoint', 'sh', image, '-c', text],
  ];
  if (name === null) return run;
  return ['sh', '-c', 'docker rm --force "$1" >/dev/null 2>&1; shift; exec "$@"', 'slipway', name, ...run];
}

/** Throws Refused when no such container runs, or several that are not of one service. */
export async function prepareOneOff(
  context: PlatformContext,
  inside: string,
  command: { name: string | null; text: string; env: Record<string, string> },
): Promise<ContainerCommand> {
  const docker = await context.host.docker();
  const { plan, live, colour } = context.target;
  // before the first release there is but the colour that is deployed to
  const [first, ...others] = await findContainers(docker, inside, plan, live?.colour ?? colour);
  if (first === undefined) return await prepareBeforeAnyRuns(context, inside, command);
  const stranger = others.find(({ Labels }) => projectOf(Labels) !== projectOf(first.Labels));
  if (stranger !== undefined) throw several(context, inside, [first, stranger]);
  const like = inspected.parse(await docker.getContainer(first.Id).inspect());
  const image = await imageFor(context, like);
  const own = new Set(imageSchema.parse(await docker.getImage(like.Image).inspect()).Config?.Env ?? []);
  const likewise = variables((like.Config.Env ?? []).filter((each) => !own.has(each)));
  const env = passedOn({ ...likewise, ...command.env });
  const names = Object.keys(env).sort();
  const { name, text } = command;
  const argv = buildOneOffArgv({ name, like: like.Id, user: like.Config.User ?? '', image, names, text });
  return { argv, env };
}

/** A compose file says what the container would be like; nothing else does before one runs. */
async function prepareBeforeAnyRuns(
  context: PlatformContext,
  inside: string,
  command: { name: string | null; text: string; env: Record<string, string> },
): Promise<ContainerCommand> {
  const { kind } = context.target.plan.platform;
  const env = passedOn(command.env);
  const prepared = kind === 'compose' ? await prepareServiceRun(context, inside, { ...command, env }) : null;
  if (prepared === null) throw nothingRuns(context, inside);
  const { image, ...run } = prepared;
  if (digestOf(image) !== null) await bringImage(context, image);
  return run;
}

function passedOn(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_PASSED_ON.has(name)));
}

/** The release's image for this service, or the one it runs: a database's own tools need no release. */
async function imageFor(context: PlatformContext, like: z.infer<typeof inspected>): Promise<string> {
  const repository = repositoryOf(like.Config.Image);
  const release = context.target.artifacts.find(
    (each) => each.kind === 'image' && each.repository === repository,
  );
  if (release === undefined) return like.Image;
  const image = pinnedImage(release);
  await bringImage(context, image);
  return image;
}

/** Pulled with the pipeline's own login where it has one. */
async function bringImage(context: PlatformContext, image: string): Promise<void> {
  if (await isOnHost(context, image)) return;
  const auth = await requireImage(context, image);
  context.progress(`pulls ${image}`);
  const docker = await context.host.docker();
  const pulling = await docker.pull(image, auth === null ? {} : { authconfig: auth });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(pulling, (error) => (error === null ? resolve() : reject(error)));
  });
}

function variables(entries: string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

function projectOf(labels: Record<string, string>): string {
  return labels['com.docker.compose.project'] ?? labels['com.docker.swarm.service.name'] ?? '';
}

function nothingRuns(context: PlatformContext, inside: string): Error {
  return refused({
    what: `no container ${inside} runs here, whose network and settings the database's commands would take`,
    where: placeOf(context),
    why: null,
    wayOut:
      context.target.live === null && context.target.plan.platform.kind !== 'compose'
        ? 'before a first release nothing says what it would be like (docs/databases.md#inside-a-container): release once without database, or leave inside out: the commands run on the host then'
        : 'start it, or leave inside out of database: the commands run on the host then',
  });
}

function several(context: PlatformContext, inside: string, found: { Names: string[] }[]): Error {
  return refused({
    what: `${inside} is not one service here: ${found.map(({ Names }) => Names[0] ?? '').join(', ')}`,
    where: placeOf(context),
    why: null,
    wayOut: 'name the one container in inside',
  });
}
