/** Where a build takes layers of earlier builds from and leaves its own (docs/decisions/build-cache.md). Pure. */
import type { ImageArtifact } from '../../pipeline/plan.js';

/**
 * What builds: a BuildKit that can do all, or the engine's built-in one, which can neither export its cache nor push
 * without a tag, nor attest, nor build for several platforms (docs/decisions/build-cache.md).
 */
export type Builder = 'buildkit' | 'engine';

/** Layers of earlier builds are found under this tag; it moves with every build. */
export const CACHE_TAG = 'buildcache';

/** What a job of GitHub Actions knows of its cache. buildx reads them by these names, so the token is in no argv. */
const TOKEN = 'ACTIONS_RUNTIME_TOKEN';
const ADDRESSES = ['ACTIONS_RESULTS_URL', 'ACTIONS_CACHE_URL'];
const GENERATION = 'ACTIONS_CACHE_SERVICE_V2';

export interface LayerCache {
  use: ImageArtifact['cache'];
  /** For the environment of buildx. */
  variables: Record<string, string>;
  /** Not to be seen in what the build prints; null = there is none. */
  token: { name: string; value: string } | null;
  /** Why the build goes without the cache that the pipeline file names; null = it does not. */
  whyNot: string | null;
}

/** `own` is the worker's environment. A cache saves time only: what cannot have it is built without, and says so. */
export function findLayerCache(
  { cache }: ImageArtifact,
  builder: Builder,
  own: Readonly<Record<string, string | undefined>>,
): LayerCache {
  const none = { use: 'none', variables: {}, token: null } as const;
  if (cache !== 'github') return { ...none, use: cache, whyNot: null };
  const found = Object.fromEntries(
    [TOKEN, ...ADDRESSES, GENERATION].flatMap((name) => {
      const value = own[name] ?? '';
      return value === '' ? [] : [[name, value] as const];
    }),
  );
  const { [TOKEN]: value } = found;
  if (value === undefined || !ADDRESSES.some((name) => name in found)) {
    const missing = value === undefined ? TOKEN : ADDRESSES.join(' or ');
    const whyNot = `cache: github is there in jobs of GitHub Actions only, and the worker has no ${missing}; elsewhere say cache: registry`;
    return { ...none, whyNot };
  }
  if (builder === 'engine')
    return {
      ...none,
      whyNot:
        'the engine’s built-in builder cannot use cache: github; docker buildx create --name slipway --driver docker-container and SLIPWAY_BUILDER=slipway can',
    };
  return { use: 'github', variables: found, token: { name: TOKEN, value }, whyNot: null };
}

/** Options of buildx. A cache that cannot be written fails no build. */
export function cacheArgv(
  use: LayerCache['use'],
  { repository }: Pick<ImageArtifact, 'repository'>,
  builder: Builder,
): string[] {
  if (use === 'none') return [];
  if (use === 'github') {
    // without a scope of its own each image would replace what the one before has left
    const scoped = `type=gha,scope=${repository}`;
    return [`--cache-from=${scoped}`, `--cache-to=${scoped},mode=max,ignore-error=true`];
  }
  const kept = `type=registry,ref=${repository}:${CACHE_TAG}`;
  return builder === 'engine'
    ? [`--cache-from=${kept}`, '--cache-to=type=inline']
    : [`--cache-from=${kept}`, `--cache-to=${kept},mode=max,ignore-error=true`];
}
