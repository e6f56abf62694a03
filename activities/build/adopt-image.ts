import { setTimeout as pause } from 'node:timers/promises';
import type { ImageArtifact } from '../../pipeline/plan.js';
import { foreignHand } from '../failure.js';
import type { Registry } from '../registry/registry-client.js';
import { commitTag, hashBuildInputs, LABEL } from './build-command.js';

/**
 * The digest that a release of this commit has already pushed, or null. Throws ForeignHand when the commit's tag holds
 * something else: an image that does not say it was built from this commit in this way.
 */
export async function adoptImage(
  registry: Registry,
  image: ImageArtifact,
  commit: string,
): Promise<string | null> {
  const { repository } = image;
  const digest = await registry.findDigest(repository, commitTag(commit));
  if (digest === null) return null;
  const wanted = { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(image) };
  for (const labels of await registry.readLabels(repository, digest)) {
    for (const [name, value] of Object.entries(wanted)) {
      if (labels[name] === value) continue;
      throw foreignHand({
        what: `it holds ${digest}, whose label ${name} is ${JSON.stringify(labels[name] ?? null)} instead of ${value}`,
        where: `${repository}:${commitTag(commit)}`,
        why: null,
        wayOut:
          name === LABEL.inputs
            ? 'two pipelines build this commit differently into one repository: give each its own, or delete the tag'
            : 'delete the tag if nothing needs it, or give the image a repository that only Slipway pushes to',
      });
    }
  }
  return digest;
}

const AGREE_MS = 1000;

/**
 * Puts the commit's tag on the digest just pushed, unless another build of the commit has it: then that one counts.
 * Registries have no "put if absent", so two workers that build one commit in the same second may both put it: the
 * last one wins, and both look again before they say so.
 */
export async function agreeOnDigest(
  registry: Registry,
  image: ImageArtifact,
  commit: string,
  digest: string,
  signal: AbortSignal,
): Promise<string> {
  const tagged = await adoptImage(registry, image, commit);
  if (tagged !== null) return tagged;
  await registry.putTags(image.repository, digest, [commitTag(commit)]);
  await pause(AGREE_MS, undefined, { signal });
  return (await adoptImage(registry, image, commit)) ?? digest;
}
