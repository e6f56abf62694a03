/** The exact argv of a build, and what the image says about itself. Pure. */
import type { ImageArtifact } from '../../pipeline/plan.js';
import { createHash } from 'node:crypto';
import { canonicalize } from 'json-canonicalize';
import { CACHE_TAG, cacheArgv, type Builder, type LayerCache } from './layer-cache.js';

export const LABEL = {
  revision: 'org.opencontainers.image.revision',
  inputs: 'dev.slipway.build-inputs',
} as const;

/** The tag every build of a commit is pushed under; later releases of the commit find it there. */
export function commitTag(commit: string): string {
  return `sha-${commit}`;
}

/** sha256 over everything beside the commit that decides what the image becomes. */
export function hashBuildInputs(image: ImageArtifact): string {
  const { context, dockerfile, target, platforms, provenance, sbom, buildArgs } = image;
  // images from before there were SBOMs keep their hash
  const listed = sbom === undefined ? {} : { sbom };
  const inputs = canonicalize({ context, dockerfile, target, platforms, provenance, ...listed, buildArgs });
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
  /** Of the image, as far as it can be had here. */
  cache: LayerCache['use'];
  /** A builder by name; null = the one that is current. */
  builderName: string | null;
}

function sbomOption(sbom: NonNullable<ImageArtifact['sbom']>): string {
  return sbom === true ? 'true' : `generator=${sbom}`;
}

/** argv of docker. Never holds a secret: logins come from DOCKER_CONFIG. */
export function buildArgv(command: BuildCommand): string[] {
  const { image, commit, builder, builderName } = command;
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
    ...(image.sbom === undefined ? [] : [`--sbom=${sbomOption(image.sbom)}`]),
    ...(image.platforms.length === 0 ? [] : [`--platform=${image.platforms.join(',')}`]),
    ...(image.target === null ? [] : [`--target=${image.target}`]),
    ...Object.entries(image.buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...cacheArgv(command.cache, image, builder),
    `--file=${command.dockerfile}`,
    '--',
    command.contextFolder,
  ];
}
