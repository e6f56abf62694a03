import type { Activities } from '../../workflows/activity-contract.js';
import type { BuiltArtifact } from '../../workflows/result.js';
import { refused } from '../failure.js';
import { stoppable } from '../processes/stop.js';
import { createRegistry, type Registry } from './registry-client.js';
import { loginOf, type LoginDependencies } from './registry-login.js';

export function createTagArtifacts(deps: LoginDependencies): Activities['tagArtifacts'] {
  return async ({ target }) =>
    await stoppable('tagging', async (signal) => {
      const { tags, fixedTags, registry: login } = target.plan;
      const credentials = await loginOf(deps, login);
      const registry = createRegistry({ credentials, insecureRegistries: deps.insecureRegistries, signal });
      return await tagImages(registry, { tags, fixedTags, artifacts: target.artifacts });
    });
}

/**
 * Puts an environment's tags on the digests that were built, through the registry's API. A tag that is there
 * already is success. A tag that never moves and holds another digest is refused, before any tag is written.
 */
export async function tagImages(
  registry: Registry,
  wish: { tags: readonly string[]; fixedTags: readonly string[]; artifacts: readonly BuiltArtifact[] },
): Promise<{ tags: string[] }> {
  const images = await Promise.all(
    wish.artifacts
      .filter((artifact) => artifact.kind === 'image')
      .map(async (image) => ({ ...image, found: await findTags(registry, image, wish.tags) })),
  );
  for (const image of images) refuseMoved(image, wish.fixedTags);
  for (const { repository, digest, found } of images) {
    const missing = wish.tags.filter((tag) => found.get(tag) !== digest);
    if (missing.length > 0) await registry.putTags(repository, digest, missing);
  }
  return { tags: images.flatMap(({ repository }) => wish.tags.map((tag) => `${repository}:${tag}`)) };
}

/** Digest that each tag is on; null = there is no such tag. */
async function findTags(
  registry: Registry,
  { repository }: BuiltArtifact,
  tags: readonly string[],
): Promise<Map<string, string | null>> {
  return new Map(
    await Promise.all(tags.map(async (tag) => [tag, await registry.findDigest(repository, tag)] as const)),
  );
}

function refuseMoved(
  { repository, digest, found }: BuiltArtifact & { found: Map<string, string | null> },
  fixedTags: readonly string[],
): void {
  for (const [tag, present] of found) {
    if (present === null || present === digest || !fixedTags.includes(tag)) continue;
    throw refused({
      what: `the tag is on ${present} and never moves; this release is ${digest}`,
      where: `${repository}:${tag}`,
      why: null,
      wayOut:
        'release under a new version, or delete that tag in the registry if it was put there by mistake',
    });
  }
}
