import { setTimeout as pause } from 'node:timers/promises';
import type { ImageArtifact } from '../../pipeline/plan.js';
import { foreignHand } from '../failure.js';
import { describePlatforms, normalPlatform } from '../registry/platform-names.js';
import type { Registry, RegistryImage } from '../registry/registry-client.js';
import { commitTag, hashBuildInputs, LABEL } from './build-command.js';
import type { ImageSeals } from './image-seal.js';

/** Where images of a commit are looked for, and what is believed of them. */
export interface Adopting {
  registry: Registry;
  seals: ImageSeals;
  /** false = labels are believed: a worker without a policy takes what anybody has pushed. */
  needsSeal: boolean;
}

/** `whyNot` = something is there that nobody vouches for. */
export type Found = { digest: string } | { digest: null; whyNot: string | null };

/**
 * The digest that a release of this commit has already pushed. Throws ForeignHand when the commit's tag holds something
 * else: an image that does not say it was built from this commit in this way.
 */
export async function adoptImage(
  { registry, seals, needsSeal }: Adopting,
  image: ImageArtifact,
  commit: string,
): Promise<Found> {
  const { repository } = image;
  const place = `${repository}:${commitTag(commit)}`;
  const found = await registry.findImages(repository, commitTag(commit));
  if (found === null) return { digest: null, whyNot: null };
  const { digest, images } = found;
  const wanted = { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(image) };
  for (const { labels } of images) {
    for (const [name, value] of Object.entries(wanted)) {
      if (labels[name] === value) continue;
      throw foreignHand({
        what: `it holds ${digest}, whose label ${name} is ${JSON.stringify(labels[name] ?? null)} instead of ${value}`,
        where: place,
        why: null,
        wayOut:
          name === LABEL.inputs
            ? 'two pipelines build this commit differently into one repository: give each its own, or delete the tag'
            : 'delete the tag if nothing needs it, or give the image a repository that only Slipway pushes to',
      });
    }
  }
  requireEveryPlatform(image, images, { digest, place });
  if (!needsSeal || (await seals.isBuilt(image, commit, digest))) return { digest };
  const whyNot = `${place} held ${digest.slice(0, 15)}, which no worker that is trusted here has built`;
  return { digest: null, whyNot };
}

/** Whoever pulls an index and pushes it again has pushed one platform of it, with all its labels. */
function requireEveryPlatform(
  { platforms }: ImageArtifact,
  images: readonly RegistryImage[],
  { digest, place }: { digest: string; place: string },
): void {
  const there = images.map(({ platform }) => platform);
  const missing = platforms.filter((platform) => !there.includes(normalPlatform(platform)));
  if (missing.length === 0) return;
  throw foreignHand({
    what: `it holds ${digest}, which has no ${missing.join(' and no ')} (it has ${describePlatforms(there)})`,
    where: place,
    why: null,
    wayOut: 'delete the tag, then release again: the commit is built anew for every platform',
  });
}

const AGREE_MS = 1000;

/**
 * Puts the commit's tag on the digest just pushed, unless another build of the commit has it: then that one counts. What
 * nobody vouches for loses the tag. Registries have no "put if absent", so two workers that build one commit in the same
 * second may both put it: the last one wins, and both look again before they say so.
 */
export async function agreeOnDigest(
  adopting: Adopting,
  image: ImageArtifact,
  commit: string,
  digest: string,
  signal: AbortSignal,
): Promise<string> {
  const { registry, seals } = adopting;
  // before the tag: whoever finds that finds the seal as well
  await seals.keep(image, commit, digest);
  const tagged = await adoptImage(adopting, image, commit);
  if (tagged.digest !== null) return tagged.digest;
  await registry.putTags(image.repository, digest, [commitTag(commit)]);
  await pause(AGREE_MS, undefined, { signal });
  return (await adoptImage(adopting, image, commit)).digest ?? digest;
}
