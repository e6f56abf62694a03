/**
 * What a worker says of an image it has built, kept beside it in the registry: under a tag of its own that is made of
 * the digest, so that it is found whatever other tags the image gets. Whoever may push there can copy labels, but no seal.
 */
import type { ImageArtifact, Seal } from '../../pipeline/plan.js';
import type { Registry } from '../registry/registry-client.js';
import type { SealKeys } from '../trust/seal-keys.js';
import { isSame, isSeal, openSeal, sealStatement, type StatementOf } from '../trust/statements.js';
import { hashBuildInputs } from './build-command.js';

const ANNOTATION = 'dev.slipway.seal';

export interface ImageSeals {
  /** Throws like every question to a registry. */
  keep(image: ImageArtifact, commit: string, digest: string): Promise<void>;
  /** Did a worker that is trusted here build it, from this commit and in this way? */
  isBuilt(image: ImageArtifact, commit: string, digest: string): Promise<boolean>;
}

export function createImageSeals(registry: Registry, keys: SealKeys): ImageSeals {
  const isBuilt: ImageSeals['isBuilt'] = async (image, commit, digest) => {
    const { repository } = image;
    const annotations = await registry.readAnnotations(repository, sealTag(digest));
    const seal = readSeal(annotations?.[ANNOTATION]);
    const said = openSeal(keys, seal, 'image');
    return said !== null && isSame(said, aboutImage(image, commit, digest));
  };
  return {
    isBuilt,
    // the same build made again has a seal that others may have seen already
    keep: async (image, commit, digest) => {
      if (await isBuilt(image, commit, digest)) return;
      const seal = sealStatement(keys, aboutImage(image, commit, digest));
      const annotations = { [ANNOTATION]: JSON.stringify(seal) };
      await registry.putAnnotations(image.repository, sealTag(digest), digest, annotations);
    },
  };
}

/** `sha256-9f2c….slipway` */
export function sealTag(digest: string): string {
  return `${digest.replace(':', '-')}.slipway`;
}

/** A commit id says everything of what was built, so whoever releases this commit may take it, in any pipeline. */
function aboutImage(image: ImageArtifact, commit: string, digest: string): StatementOf<'image'> {
  return { kind: 'image', commit, repository: image.repository, digest, inputs: hashBuildInputs(image) };
}

/** Anybody may have written it. */
function readSeal(text: string | undefined): Seal | undefined {
  try {
    const seal: unknown = JSON.parse(text ?? '');
    return isSeal(seal) ? seal : undefined;
  } catch {
    return undefined;
  }
}
