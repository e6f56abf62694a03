/**
 * Reading a team's stack file, and the second file that is deployed on top of it: pinned images, fence and owner on
 * every service. The team's own text is sent as it is; YAML written back by a machine would lose what YAML 1.1 and
 * 1.2 read differently (`mode: 0444`). Pure.
 */
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { BuiltArtifact } from '../../workflows/result.js';
import { badInput } from '../failure.js';
import { pinnedImage, repositoryOf } from './image-reference.js';

const fileReference = z.looseObject({ file: z.string().optional() }).nullish();
const fileSchema = z.looseObject({
  version: z.union([z.string(), z.number()]).optional(),
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string().optional(),
      env_file: z.union([z.string(), z.array(z.string())]).optional(),
      ports: z.array(z.unknown()).optional(),
    }),
  ),
  configs: z.record(z.string(), fileReference).nullish(),
  secrets: z.record(z.string(), fileReference).nullish(),
});

export interface StackFile {
  version: string | null;
  services: { name: string; image: string }[];
}

/** Throws BadInput, naming the file's fault. */
export function readStackFile(text: string, where: string): StackFile {
  const bad = (what: string, wayOut: string): Error => badInput({ what, where, why: null, wayOut });
  let raw: unknown;
  try {
    raw = parse(text, { merge: true, maxAliasCount: 100 });
  } catch (error) {
    throw bad(
      `the stack file is not YAML: ${error instanceof Error ? error.message : String(error)}`,
      'correct it',
    );
  }
  const parsed = fileSchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw bad(
      `the stack file cannot be read at ${issue?.path.join('.') ?? '?'}: ${issue?.message ?? '?'}`,
      'docker stack config -c FILE shows what Docker makes of it',
    );
  }
  const { version, services, configs, secrets } = parsed.data;
  const beside = [
    ...Object.values(services).flatMap(({ env_file: files }) => files ?? []),
    ...Object.values({ ...configs, ...secrets }).flatMap((entry) => entry?.file ?? []),
  ].find((file) => !file.startsWith('/'));
  if (beside !== undefined) {
    throw bad(
      `the stack file refers to ${beside}, which is not on the host`,
      'use an absolute path of the host, `external: true`, or environment:',
    );
  }
  return {
    version: version === undefined ? null : String(version),
    services: Object.entries(services).map(([name, service]) => {
      if (service.image === undefined) throw bad(`service ${name} names no image`, 'add image: to it');
      return { name, image: service.image };
    }),
  };
}

/** Images of this release per service, by digest; services that run something else are not in it. */
export function imagesOfRelease(
  file: StackFile,
  artifacts: BuiltArtifact[],
  env: Record<string, string>,
  where: string,
): Record<string, string> {
  const built = artifacts.filter(({ kind }) => kind === 'image');
  const images = Object.fromEntries(
    file.services.flatMap(({ name, image }): [string, string][] => {
      const repository = repositoryOf(interpolate(image, env));
      const artifact = built.find((each) => each.repository === repository);
      if (artifact !== undefined) return [[name, pinnedImage(artifact)]];
      const only = built.length === 1 ? built[0] : undefined;
      // A mirror of the repository, pinned by the variable that carries the digest.
      if (only !== undefined && /\$\{?IMAGE_TAG\b/.test(image))
        return [[name, `${repository}@${only.digest}`]];
      return [];
    }),
  );
  if (Object.keys(images).length > 0) return images;
  throw badInput({
    what: `no service of the stack file runs an image of this release (${built.map(({ repository }) => repository).join(', ') || 'it builds none'})`,
    where,
    why: file.services.map(({ name, image }) => `${name}: ${image}`).join('\n'),
    wayOut:
      'write image: REPOSITORY:${IMAGE_TAG} in the stack file, with the repository of the pipeline file',
  });
}

/** The file deployed on top: `docker stack deploy -c stack.yml -c slipway.yml`. */
export function overrideFor(
  file: StackFile,
  labels: Record<string, string>,
  images: Record<string, string>,
  secrets: Record<string, string>,
): string {
  return stringify({
    // Docker refuses to merge files of different versions.
    ...(file.version === null ? {} : { version: file.version }),
    services: Object.fromEntries(
      file.services.map(({ name }) => [
        name,
        { ...(images[name] === undefined ? {} : { image: images[name] }), deploy: { labels } },
      ]),
    ),
    ...(Object.keys(secrets).length === 0
      ? {}
      : {
          secrets: Object.fromEntries(
            Object.entries(secrets).map(([name, versioned]) => [name, { external: true, name: versioned }]),
          ),
        }),
  });
}

/** Docker's own substitution, as far as image names use it: `$A ${A} ${A:-default} ${A-default} $$`. */
export function interpolate(text: string, env: Record<string, string>): string {
  return text.replaceAll(
    /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?])([^}]*))?\})/g,
    (whole, plain?: string, braced?: string, mark?: string, fallback?: string) => {
      if (whole === '$$') return '$';
      const value = env[plain ?? braced ?? ''];
      const isAbsent = value === undefined || (mark?.startsWith(':') === true && value === '');
      return isAbsent ? (mark?.endsWith('-') === true ? (fallback ?? '') : '') : value;
    },
  );
}
