/**
 * What `docker compose config --format json` makes of a team's files: which services run an image of the release, and
 * the text that is started from it, with digests and without the values of secrets. Pure.
 */
import { z } from 'zod';
import type { BuiltArtifact } from '../../workflows/result.js';
import { badInput } from '../failure.js';
import { digestOf, repositoryOf, sameRepository } from './image-reference.js';

const serviceSchema = z.looseObject({
  image: z.string().optional(),
  scale: z.number().nullish(),
  deploy: z.looseObject({ replicas: z.number().nullish() }).nullish(),
  healthcheck: z
    .looseObject({ disable: z.boolean().optional(), test: z.array(z.string()).nullish() })
    .nullish(),
  depends_on: z
    .record(z.string(), z.looseObject({ condition: z.string().optional(), required: z.boolean().optional() }))
    .nullish(),
  environment: z.record(z.string(), z.unknown()).nullish(),
  ports: z.array(z.looseObject({ published: z.string().optional() })).nullish(),
  profiles: z.array(z.string()).nullish(),
});
const modelSchema = z.looseObject({
  name: z.string(),
  services: z.record(z.string(), serviceSchema),
  /** Ours: secrets whose values are left out of a kept text. */
  'x-slipway': z.looseObject({ secrets: z.array(z.string()) }).optional(),
});

export type ComposeModel = z.infer<typeof modelSchema>;
type ComposeService = z.infer<typeof serviceSchema>;

/** Throws BadInput when compose says something nobody here understands. */
export function readModel(text: string, where: string): ComposeModel {
  try {
    return modelSchema.parse(JSON.parse(text));
  } catch (error) {
    throw badInput({
      what: 'what docker compose config makes of the compose file cannot be read',
      where,
      why: error instanceof Error ? error.message : String(error),
      wayOut: 'docker compose config --format json shows it; a newer docker compose may help',
    });
  }
}

export interface ReleaseImages {
  /** Service → its image of this release, by digest. */
  images: Record<string, string>;
  /** Services that name a repository of this release but not `${IMAGE_TAG}`: they would stay as they are. */
  stale: string[];
}

/**
 * A service runs this release when its image has one of the release's digests, as `repository:${IMAGE_TAG}` has. With
 * several images each gets the digest of its own repository: the variable holds that of the first.
 */
export function imagesOfRelease(model: ComposeModel, artifacts: BuiltArtifact[]): ReleaseImages {
  const built = artifacts.filter(({ kind }) => kind === 'image');
  const images: Record<string, string> = {};
  const stale: string[] = [];
  for (const [name, { image }] of Object.entries(model.services)) {
    if (image === undefined) continue;
    const artifact = built.find(({ repository }) => sameRepository(repository, image));
    const digest = digestOf(image);
    const isOfRelease = built.some((each) => each.digest === digest);
    if (isOfRelease)
      images[name] =
        artifact === undefined ? image : `${image.slice(0, image.indexOf('@'))}@${artifact.digest}`;
    else if (artifact !== undefined) stale.push(name);
  }
  return { images, stale };
}

export interface Wanted {
  service: string;
  image: string;
  replicas: number;
  /** Others wait for it to end well (`service_completed_successfully`): for any other service an end is an error. */
  isJob: boolean;
}

/** Services that are to run: those named, else all that ask for at least one container. */
export function wantedServices(model: ComposeModel, named: readonly string[]): Wanted[] {
  const jobs = new Set(
    Object.values(model.services).flatMap(({ depends_on: needs }) =>
      Object.entries(needs ?? {}).flatMap(([name, { condition }]) =>
        condition === 'service_completed_successfully' ? [name] : [],
      ),
    ),
  );
  return chosen(model, named).flatMap(([service, { image, scale, deploy }]) => {
    const replicas = scale ?? deploy?.replicas ?? 1;
    return replicas === 0
      ? []
      : [{ service, image: image ?? `${model.name}-${service}`, replicas, isJob: jobs.has(service) }];
  });
}

/** A plan that names no service means all of them. */
export function isChosen(named: readonly string[], service: string): boolean {
  return named.length === 0 || named.includes(service);
}

function chosen(model: ComposeModel, named: readonly string[]): [string, ComposeService][] {
  return Object.entries(model.services).filter(([name]) => isChosen(named, name));
}

/** Services of ours for which nothing in the file says how to see that they are well. */
export function withoutHealthcheck(model: ComposeModel, named: readonly string[]): string[] {
  return chosen(model, named).flatMap(([name, { healthcheck }]) =>
    healthcheck == null || healthcheck.disable === true || healthcheck.test?.[0] === 'NONE' ? [name] : [],
  );
}

/** What the named services need that is not named with them: `--no-deps` starts none of it. */
export function neededBeside(
  model: ComposeModel,
  named: readonly string[],
): { service: string; needs: string }[] {
  if (named.length === 0) return [];
  return chosen(model, named).flatMap(([service, { depends_on: needs }]) =>
    Object.entries(needs ?? {}).flatMap(([name, { required }]) =>
      required === false || named.includes(name) ? [] : [{ service, needs: name }],
    ),
  );
}

/** Ports of the host that the services open. */
export function publishedPorts(model: ComposeModel, named: readonly string[]): number[] {
  const ports = chosen(model, named).flatMap(([, { ports: all }]) =>
    (all ?? []).map(({ published }) => Number(published)),
  );
  return [...new Set(ports)].filter((port) => Number.isInteger(port) && port > 0);
}

/** Left alone in longer texts, as when output is scrubbed: short values are ordinary words. */
const SHORTEST_REPLACED = 6;

/**
 * The text that is started and kept on the host: images by digest, `${NAME}` in place of a secret's value (it travels
 * in the environment again), and no profiles, since all that compose printed is enabled.
 */
export function keptText(
  model: ComposeModel,
  { images, secrets }: { images: Record<string, string>; secrets: Record<string, string> },
): string {
  const used = new Set<string>();
  const byLength = Object.entries(secrets)
    .filter(([, value]) => value !== '')
    .sort(([, one], [, other]) => other.length - one.length)
    // Compose prints a dollar as two
    .map(([name, value]): [string, string] => [name, value.replaceAll('$', '$$$$')]);
  const conceal = (text: string, isWhole: boolean): string => {
    let concealed = text;
    for (const [name, value] of byLength) {
      if (value.length < SHORTEST_REPLACED && !(isWhole && text === value)) continue;
      if (!concealed.includes(value)) continue;
      concealed = concealed.replaceAll(value, () => `\${${name}}`);
      used.add(name);
    }
    return concealed;
  };
  const services = Object.fromEntries(
    Object.entries(model.services).map(([name, { profiles: _profiles, ...service }]) => {
      const image = images[name] ?? service.image;
      return [name, concealIn({ ...service, ...(image === undefined ? {} : { image }) }, conceal)];
    }),
  );
  const rest = concealIn({ ...model, services: {} }, conceal);
  if (typeof rest !== 'object') throw new Error('a model is an object');
  return `${JSON.stringify({ ...rest, services, 'x-slipway': { secrets: [...used].sort() } }, null, 1)}\n`;
}

function concealIn(value: unknown, conceal: (text: string, isWhole: boolean) => string, key = ''): unknown {
  if (typeof value === 'string') return conceal(value, key === 'environment');
  if (Array.isArray(value)) return value.map((each) => concealIn(each, conceal));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      concealIn(inner, conceal, key === 'environment' ? key : name),
    ]),
  );
}

/** Repositories of a model's services, for a message. */
export function sayImages(model: ComposeModel): string {
  return Object.entries(model.services)
    .map(([name, { image }]) => `${name}: ${image === undefined ? 'built there' : repositoryOf(image)}`)
    .join(', ');
}
