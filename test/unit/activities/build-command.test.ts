import { describe, expect, it } from 'vitest';
import { buildArgv, hashBuildInputs, type BuildCommand } from '../../../activities/build/build-command.js';
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
      buildArgs: { VERSION: '$(id); `x` --push', EMPTY: '' },
    };
    expect(buildArgv(command({ image: all, builderName: 'slipway' }))).toEqual([
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
      { buildArgs: { A: '1' } },
    ];
    const hashes = others.map((change) => hashBuildInputs({ ...image, ...change }));
    expect(new Set([...hashes, hashBuildInputs(image)]).size).toBe(7);
  });

  it('does not depend on the order of build arguments', () => {
    const one = hashBuildInputs({ ...image, buildArgs: { A: '1', B: '2' } });
    expect(hashBuildInputs({ ...image, buildArgs: { B: '2', A: '1' } })).toBe(one);
  });
});
