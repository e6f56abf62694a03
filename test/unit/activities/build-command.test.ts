import { describe, expect, it } from 'vitest';
import { buildArgv, hashBuildInputs, type BuildCommand } from '../../../activities/build/build-command.js';
import { findLayerCache } from '../../../activities/build/layer-cache.js';
import type { ImageArtifact } from '../../../pipeline/plan.js';
import { givenImage } from '../../support/given.js';

const commit = '9f2c1d0'.padEnd(40, '0');
const image = givenImage({ cache: 'registry' });

function command(change: Partial<BuildCommand>): BuildCommand {
  return {
    image,
    commit,
    contextFolder: '/checkout',
    dockerfile: '/checkout/Dockerfile',
    metadataFile: '/login/metadata.json',
    builder: 'buildkit',
    cache: 'registry',
    builderName: null,
    ...change,
  };
}

describe('the argv of a build', () => {
  it('pushes by digest and keeps its layers in the registry', () => {
    expect(buildArgv(command({}))).toEqual([
      'docker',
      'buildx',
      'build',
      '--progress=plain',
      '--output=type=image,name=cr.example.com/team/app,push-by-digest=true,name-canonical=true,push=true',
      '--metadata-file=/login/metadata.json',
      `--label=org.opencontainers.image.revision=${commit}`,
      `--label=dev.slipway.build-inputs=${hashBuildInputs(image)}`,
      '--provenance=false',
      '--cache-from=type=registry,ref=cr.example.com/team/app:buildcache',
      '--cache-to=type=registry,ref=cr.example.com/team/app:buildcache,mode=max,ignore-error=true',
      '--file=/checkout/Dockerfile',
      '--',
      '/checkout',
    ]);
  });

  it('pushes under the tag of the cache with the layers inside, when the builder is the engine', () => {
    expect(buildArgv(command({ builder: 'engine' }))).toEqual([
      'docker',
      'buildx',
      'build',
      '--progress=plain',
      '--push',
      '--tag=cr.example.com/team/app:buildcache',
      '--metadata-file=/login/metadata.json',
      `--label=org.opencontainers.image.revision=${commit}`,
      `--label=dev.slipway.build-inputs=${hashBuildInputs(image)}`,
      '--provenance=false',
      '--cache-from=type=registry,ref=cr.example.com/team/app:buildcache',
      '--cache-to=type=inline',
      '--file=/checkout/Dockerfile',
      '--',
      '/checkout',
    ]);
  });

  it('has every option of the image, as one word each', () => {
    const all: ImageArtifact = {
      ...image,
      target: 'worker',
      platforms: ['linux/amd64', 'linux/arm64'],
      cache: 'none',
      provenance: true,
      sbom: true,
      buildArgs: { VERSION: '$(id); `x` --push', EMPTY: '' },
    };
    expect(buildArgv(command({ image: all, cache: 'none', builderName: 'slipway' }))).toEqual([
      'docker',
      'buildx',
      'build',
      '--builder=slipway',
      '--progress=plain',
      '--output=type=image,name=cr.example.com/team/app,push-by-digest=true,name-canonical=true,push=true',
      '--metadata-file=/login/metadata.json',
      `--label=org.opencontainers.image.revision=${commit}`,
      `--label=dev.slipway.build-inputs=${hashBuildInputs(all)}`,
      '--provenance=true',
      '--sbom=true',
      '--platform=linux/amd64,linux/arm64',
      '--target=worker',
      '--build-arg=VERSION=$(id); `x` --push',
      '--build-arg=EMPTY=',
      '--file=/checkout/Dockerfile',
      '--',
      '/checkout',
    ]);
  });
});

describe('the cache of layers', () => {
  const job = {
    ACTIONS_RUNTIME_TOKEN: 'runtime-token',
    ACTIONS_RESULTS_URL: 'https://results.example.com/',
    ACTIONS_CACHE_SERVICE_V2: 'True',
    HOME: '/root',
  };
  const onGithub = givenImage({ cache: 'github' });

  it('is the one of GitHub in a job of GitHub Actions, each image in a scope of its own', () => {
    const { use, variables, token, whyNot } = findLayerCache(onGithub, 'buildkit', job);
    const { HOME: _home, ...theirs } = job;
    expect({ use, variables, whyNot }).toEqual({ use: 'github', variables: theirs, whyNot: null });
    expect(token).toEqual({ name: 'ACTIONS_RUNTIME_TOKEN', value: 'runtime-token' });
    const argv = buildArgv(command({ image: onGithub, cache: use }));
    expect(argv.filter((word) => word.startsWith('--cache'))).toEqual([
      '--cache-from=type=gha,scope=cr.example.com/team/app',
      '--cache-to=type=gha,scope=cr.example.com/team/app,mode=max,ignore-error=true',
    ]);
    expect(argv.join(' ')).not.toContain('runtime-token');
  });

  it.each([
    [{}, 'the worker has no ACTIONS_RUNTIME_TOKEN'],
    [{ ...job, ACTIONS_RUNTIME_TOKEN: '' }, 'the worker has no ACTIONS_RUNTIME_TOKEN'],
    [{ ACTIONS_RUNTIME_TOKEN: 'x' }, 'the worker has no ACTIONS_RESULTS_URL or ACTIONS_CACHE_URL'],
  ])('is left out elsewhere, and it is said why: %o', (own, why) => {
    const found = findLayerCache(onGithub, 'buildkit', own);
    expect(found).toMatchObject({ use: 'none', variables: {}, token: null });
    expect(found.whyNot).toContain(why);
    expect(found.whyNot).toContain('cache: registry');
  });

  it('is left out where the builder cannot use it', () => {
    const { use, whyNot } = findLayerCache(onGithub, 'engine', job);
    expect(use).toBe('none');
    expect(whyNot).toMatch(/built-in builder cannot use cache: github; docker buildx create/);
  });

  it.each(['registry', 'none'] as const)('%s asks the environment for nothing', (cache) => {
    const found = findLayerCache(givenImage({ cache }), 'buildkit', job);
    expect(found).toEqual({ use: cache, variables: {}, token: null, whyNot: null });
  });
});

describe('the hash of build inputs', () => {
  it('changes with what the image becomes, not with how it is named or cached', () => {
    const same = { ...image, name: 'other', repository: 'elsewhere/app', cache: 'none' } as const;
    expect(hashBuildInputs(same)).toBe(hashBuildInputs(image));
    const others: Partial<ImageArtifact>[] = [
      { context: 'backend' },
      { dockerfile: 'other.Dockerfile' },
      { target: 'worker' },
      { platforms: ['linux/arm64'] },
      { provenance: true },
      { sbom: true },
      { sbom: 'cr.example.com/scanner@sha256:1' },
      { buildArgs: { A: '1' } },
    ];
    const hashes = others.map((change) => hashBuildInputs({ ...image, ...change }));
    expect(new Set([...hashes, hashBuildInputs(image)]).size).toBe(9);
  });

  it('is for images without an SBOM what it was before there were any', () => {
    expect(hashBuildInputs(image)).toBe('e4fa401dedc8b8537d449ca6c433878e2b5abef8e173bdd70be9968e5457fd1a');
  });

  it('does not depend on the order of build arguments', () => {
    const one = hashBuildInputs({ ...image, buildArgs: { A: '1', B: '2' } });
    expect(hashBuildInputs({ ...image, buildArgs: { B: '2', A: '1' } })).toBe(one);
  });
});
