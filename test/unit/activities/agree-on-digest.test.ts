import { expect, it, test } from 'vitest';
import { adoptImage, agreeOnDigest, type Adopting } from '../../../activities/build/adopt-image.js';
import { hashBuildInputs, LABEL } from '../../../activities/build/build-command.js';
import { createImageSeals, sealTag } from '../../../activities/build/image-seal.js';
import type { Registry } from '../../../activities/registry/registry-client.js';
import type { SealKeys } from '../../../activities/trust/seal-keys.js';
import { givenImage } from '../../support/given.js';
import { useSealKeys } from '../../support/sealed.js';

const commit = 'ab'.repeat(20);
const image = givenImage({ repository: 'cr.example.com/app' });
const signal = new AbortController().signal;
const keys = useSealKeys();

type Annotations = Record<string, string>;
interface OneTag extends Registry {
  annotations: Map<string, Annotations>;
}

const notAsked = (): Promise<never> => Promise.reject(new Error('not asked here'));

/** One tag, and whoever reads it first waits until `readers` have read it: nobody sees the others' put before. */
function registryWhereAllLookFirst(readers: number): OneTag {
  let tag: string | null = null;
  let waiting: (() => void)[] = [];
  const annotations = new Map<string, Annotations>();
  return {
    annotations,
    findImages: async () => {
      const digest = tag;
      if (waiting.length + 1 < readers) await new Promise<void>((resolve) => waiting.push(resolve));
      for (const go of waiting) go();
      readers = 0;
      waiting = [];
      if (digest === null) return null;
      const labels = { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(image) };
      return { digest, images: [{ digest, platform: 'linux/amd64', labels }] };
    },
    putTags: (_repository, digest) => {
      tag = digest;
      return Promise.resolve();
    },
    putAnnotations: (_repository, name, _digest, said) => {
      annotations.set(name, said);
      return Promise.resolve();
    },
    readAnnotations: (_repository, name) => Promise.resolve(annotations.get(name) ?? null),
    findDigest: notAsked,
    readImages: notAsked,
    readManifest: notAsked,
  };
}

const as = (worker: SealKeys, registry: Registry): Adopting => ({
  registry,
  seals: createImageSeals(registry, worker),
  needsSeal: true,
});
const agree = (registry: Registry, digest: string): Promise<string> =>
  agreeOnDigest(as(keys.ours, registry), image, commit, digest, signal);

it('keeps what another build of the commit has tagged', async () => {
  const registry = registryWhereAllLookFirst(1);
  expect(await agree(registry, 'sha256:first')).toBe('sha256:first');
  expect(await agree(registry, 'sha256:second')).toBe('sha256:first');
});

it('ends with one digest for all when several workers found the tag free', async () => {
  const registry = registryWhereAllLookFirst(3);
  const builds = ['sha256:a', 'sha256:b', 'sha256:c'];
  const agreed = await Promise.all(builds.map((digest) => agree(registry, digest)));
  expect(new Set(agreed).size).toBe(1);
  expect(builds).toContain(agreed[0]);
});

it('takes the tag from what no trusted worker has built, while others build the same', async () => {
  const registry = registryWhereAllLookFirst(1);
  await registry.putTags(image.repository, 'sha256:evil', []);
  expect(await agree(registry, 'sha256:ours')).toBe('sha256:ours');
  expect(await agree(registry, 'sha256:later')).toBe('sha256:ours');
});

/** Somebody has pushed `sha256:evil` under the tag of the commit, and laid this beside it. */
async function adoptedWith(annotations: (registry: OneTag) => Annotations | Promise<Annotations>) {
  const registry = registryWhereAllLookFirst(1);
  registry.annotations.set(sealTag('sha256:evil'), await annotations(registry));
  await registry.putTags(image.repository, 'sha256:evil', []);
  return await adoptImage(as(keys.ours, registry), image, commit);
}

/** What a worker says of a build. */
async function sealed(
  registry: OneTag,
  { worker = keys.ours, digest = 'sha256:evil', of = image, from = commit } = {},
): Promise<Annotations> {
  await createImageSeals(registry, worker).keep(of, from, digest);
  return registry.annotations.get(sealTag(digest)) ?? {};
}

test('an image with the seal of the worker that built it is adopted', async () => {
  expect(await adoptedWith((registry) => sealed(registry))).toEqual({ digest: 'sha256:evil' });
});

test.each<[string, (registry: OneTag) => Annotations | Promise<Annotations>]>([
  ['no seal', () => ({})],
  ['a mangled one', () => ({ 'dev.slipway.seal': '{"statement": 1' })],
  ['one of another shape', () => ({ 'dev.slipway.seal': '{"statement": 1}' })],
  ["a stranger's", (registry) => sealed(registry, { worker: keys.foreign })],
  ['that of another image', (registry) => sealed(registry, { digest: 'sha256:ours' })],
  ['that of a build of another commit', (registry) => sealed(registry, { from: 'cd'.repeat(20) })],
  [
    'that of a build for another repository',
    (registry) => sealed(registry, { of: givenImage({ repository: 'cr.example.com/theirs' }) }),
  ],
  [
    'that of another build of the commit',
    (registry) => sealed(registry, { of: { ...image, buildArgs: { DEBUG: '1' } } }),
  ],
])('an image with copied labels and %s is not', async (_what, annotations) => {
  expect(await adoptedWith(annotations)).toEqual({
    digest: null,
    whyNot: expect.stringMatching(/:sha-abab\w+ held sha256:evil, which no worker that is trusted here/),
  });
});
