/** The exact argv of a build, and what the image says about itself. Pure. */
import type { ImageArtifact } from '../../pipeline/plan.js';
import { createHash } from 'node:crypto';
import { canonicalize } from 'json-canonicalize';

/**
 * What builds: a BuildKit that can do all, or the engine's built-in one, which can neither export its cache nor push
 * without a tag, nor attest (docs/decisions/build-cache.md).
 */
export type Builder = 'buildkit' | 'engine';

export const LABEL = {
  revision: 'org.opencontainers.image.revision',
  inputs: 'dev.slipway.build-inputs',
} as const;

/** Layers of earlier builds are found under this tag; it moves with every build. */
export const CACHE_TAG = 'buildcache';

/** The tag every build of a commit is pushed under; later releases of the commit find it there. */
export function commitTag(commit: string): string {
  return `sha-${commit}`;
}

/** sha256 over everything beside the commit that decides what the image becomes. */
export function hashBuildInputs(image: ImageArtifact): string {
  const { context, dockerfile, target, platforms, provenance, buildArgs } = image;
  const inputs = canonicalize({ context, dockerfile, target, platforms, provenance, buildArgs });
  return createHash('sha256').update(inputs).digest('hex');
}

export interface BuildCommand {
  image: ImageArtifact;
  commit: string;
  /** Absolute paths inside the checkout. */
  contextFolder: string;
  dockerfile: string;
  metadataFile: string;
  builder: Builder;
  /** A builder by name; null = the one that is current. */
  builderName: string | null;
}

/** argv of docker. Never holds a secret: logins come from DOCKER_CONFIG. */
export function buildArgv(command: BuildCommand): string[] {
  const { image, commit, builder, builderName } = command;
  const cacheRef = `type=registry,ref=${image.repository}:${CACHE_TAG}`;
  const layers = {
    buildkit: [`--cache-from=${cacheRef}`, `--cache-to=${cacheRef},mode=max,ignore-error=true`],
    engine: [`--cache-from=${cacheRef}`, '--cache-to=type=inline'],
  };
  // never under the tag of the commit: that is put by whoever finds it free when the build is done
  const push = {
    buildkit: [
      `--output=type=image,name=${image.repository},push-by-digest=true,name-canonical=true,push=true`,
    ],
    engine: ['--push', `--tag=${image.repository}:${CACHE_TAG}`],
  };
  return [
    'docker',
    'buildx',
    'build',
    ...(builderName === null ? [] : [`--builder=${builderName}`]),
    '--progress=plain',
    ...push[builder],
    `--metadata-file=${command.metadataFile}`,
    `--label=${LABEL.revision}=${commit}`,
    `--label=${LABEL.inputs}=${hashBuildInputs(image)}`,
    `--provenance=${String(image.provenance)}`,
    ...(image.platforms.length === 0 ? [] : [`--platform=${image.platforms.join(',')}`]),
    ...(image.target === null ? [] : [`--target=${image.target}`]),
    ...Object.entries(image.buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...(image.cache === 'none' ? [] : layers[builder]),
    `--file=${command.dockerfile}`,
    '--',
    command.contextFolder,
  ];
}
