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
  const { tags, fixedTags } = wish;
  const images = wish.artifacts.filter((artifact) => artifact.kind === 'image');
  const wanted = images.flatMap(({ repository, digest }) => tags.map((tag) => ({ repository, digest, tag })));
  const missing: typeof wanted = [];
  for (const each of wanted) {
    const present = await registry.findDigest(each.repository, each.tag);
    if (present === each.digest) continue;
    if (present !== null && fixedTags.includes(each.tag)) {
      throw refused({
        what: `the tag is on ${present} and never moves; this release is ${each.digest}`,
        where: `${each.repository}:${each.tag}`,
        why: null,
        wayOut:
          'release under a new version, or delete that tag in the registry if it was put there by mistake',
      });
    }
    missing.push(each);
  }
  for (const { repository, digest, tag } of missing) await registry.putTag(repository, digest, tag);
  return { tags: wanted.map(({ repository, tag }) => `${repository}:${tag}`) };
}
