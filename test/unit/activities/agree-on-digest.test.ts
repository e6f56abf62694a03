import { expect, it } from 'vitest';
import { agreeOnDigest } from '../../../activities/build/adopt-image.js';
import { hashBuildInputs } from '../../../activities/build/build-command.js';
import type { Registry } from '../../../activities/registry/registry-client.js';
import { givenImage } from '../../support/given.js';

const commit = 'ab'.repeat(20);
const image = givenImage({ repository: 'cr.example.com/app' });
const signal = new AbortController().signal;

/** One tag, and whoever reads it first waits until `readers` have read it: nobody sees the others' put before. */
function registryWhereAllLookFirst(readers: number): Registry {
  let tag: string | null = null;
  let waiting: (() => void)[] = [];
  return {
    findDigest: async () => {
      const seen = tag;
      if (waiting.length + 1 < readers) await new Promise<void>((resolve) => waiting.push(resolve));
      for (const go of waiting) go();
      readers = 0;
      waiting = [];
      return seen;
    },
    putTags: (_repository, digest) => {
      tag = digest;
      return Promise.resolve();
    },
    readLabels: () =>
      Promise.resolve([
        { 'org.opencontainers.image.revision': commit, 'dev.slipway.build-inputs': hashBuildInputs(image) },
      ]),
    readManifest: () => Promise.reject(new Error('not asked here')),
  };
}

it('keeps what another build of the commit has tagged', async () => {
  const registry = registryWhereAllLookFirst(1);
  expect(await agreeOnDigest(registry, image, commit, 'sha256:first', signal)).toBe('sha256:first');
  expect(await agreeOnDigest(registry, image, commit, 'sha256:second', signal)).toBe('sha256:first');
});

it('ends with one digest for all when several workers found the tag free', async () => {
  const registry = registryWhereAllLookFirst(3);
  const builds = ['sha256:a', 'sha256:b', 'sha256:c'];
  const agreed = await Promise.all(
    builds.map((digest) => agreeOnDigest(registry, image, commit, digest, signal)),
  );
  expect(new Set(agreed).size).toBe(1);
  expect(builds).toContain(agreed[0]);
});
