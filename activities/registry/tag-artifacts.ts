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
  const findings = images.flatMap(({ repository, digest }) =>
    tags.map(async (tag) => ({
      repository,
      digest,
      tag,
      present: await registry.findDigest(repository, tag),
    })),
  );
  const found = await Promise.all(findings);
  for (const { repository, digest, tag, present } of found) {
    if (present === null || present === digest || !fixedTags.includes(tag)) continue;
    throw refused({
      what: `the tag is on ${present} and never moves; this release is ${digest}`,
      where: `${repository}:${tag}`,
      why: null,
      wayOut:
        'release under a new version, or delete that tag in the registry if it was put there by mistake',
    });
  }
  for (const { repository, digest } of images) {
    const ours = found.filter((each) => each.repository === repository && each.digest === digest);
    const missing = ours.filter(({ present }) => present !== digest);
    if (missing.length > 0) {
      await registry.putTags(
        repository,
        digest,
        missing.map(({ tag }) => tag),
      );
    }
  }
  return { tags: found.map(({ repository, tag }) => `${repository}:${tag}`) };
}
