/** Platforms by all their names, and whether an image runs on the machines there are. */
import { describe, expect, it, test } from 'vitest';
import { explainUnfit } from '../../../activities/platforms/image-platform.js';
import { lookAtRegistry } from '../../../activities/platforms/swarm-preflight.js';
import type { PlatformContext } from '../../../activities/platforms/platform.js';
import { normalPlatform, platformOf } from '../../../activities/registry/platform-names.js';
import { givenArtifacts, givenPlan } from '../../support/given.js';

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['linux/armv7l', 'linux/arm/v7'],
  ['linux/riscv64', 'linux/riscv64'],
])('%s is %s', (written, normal) => {
  expect(normalPlatform(written)).toBe(normal);
});

test.each([
  { os: 'unknown', architecture: 'unknown' },
  { os: '', architecture: '' },
  { os: 'linux', architecture: '' },
])('%o is no platform', (parts) => {
  expect(platformOf(parts)).toBeNull();
});

describe('an image', () => {
  const pc = { name: 'web-1', platform: 'linux/amd64' };
  const arm = { name: 'web-2', platform: 'linux/arm64' };
  const pi = { name: 'web-3', platform: 'linux/arm/v7' };

  it.each([
    [
      ['linux/amd64', 'linux/arm64'],
      [pc, arm],
    ],
    [[], [pc]],
    [['linux/amd64'], []],
    [['linux/arm/v6'], [pi, arm]],
    [['linux/386'], [pc]],
  ])('of %s runs on %o', (present, runners) => {
    expect(explainUnfit(present, runners)).toBeNull();
  });

  it('without a variant for any machine is named with each of them', () => {
    expect(explainUnfit(['linux/s390x'], [pc, arm, { ...arm, name: 'web-4' }])).toEqual({
      what: 'image has no linux/amd64 variant for host web-1 and no linux/arm64 variant for host web-2, web-4 (it has linux/s390x)',
      wayOut:
        'add linux/amd64, linux/arm64 to platforms of the image in the pipeline file (docs/build.md#platforms)',
      everywhere: true,
    });
  });

  it('that runs on some of them may be kept off the others', () => {
    expect(explainUnfit(['linux/amd64'], [pc, arm])).toMatchObject({
      what: 'image has no linux/arm64 variant for host web-2 (it has linux/amd64)',
      wayOut: expect.stringContaining('or keep tasks off there: a constraint on node.platform.arch'),
      everywhere: false,
    });
  });
});

interface Engine {
  platform: 'swarm' | 'compose';
  /** Media type and platforms of what the registry has. */
  mediaType: string;
  image: object[];
  binfmt?: string;
  registryLogin?: boolean;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const SINGLE = 'application/vnd.oci.image.manifest.v1+json';
const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };
const ATTESTATION = { os: 'unknown', architecture: 'unknown' };

/** A host on ARM whose Swarm has a second node, which is drained. */
async function lookOn({ platform, mediaType, image, binfmt = '', registryLogin = true }: Engine) {
  const node = (name: string, availability: string, arch: string): object => ({
    Spec: { Availability: availability },
    Status: { State: 'ready' },
    Description: { Hostname: name, Platform: { OS: 'linux', Architecture: arch } },
  });
  const answers: [RegExp, unknown][] = [
    [/^\/info/, { OSType: 'linux', Architecture: 'aarch64' }],
    [/^\/nodes/, [node('arm-1', 'active', 'aarch64'), node('pc-1', 'drain', 'x86_64')]],
    [/^\/distribution/, { Descriptor: { mediaType }, Platforms: image }],
  ];
  const dial = ({ path }: { path: string }, done: (error: null, answer: unknown) => void): void =>
    done(null, answers.find(([asked]) => asked.test(path))?.[1]);
  const host = {
    name: 'web-1',
    docker: () => Promise.resolve({ modem: { dial } }),
    run: () => Promise.resolve({ exitCode: 0, stdout: binfmt, stderr: '' }),
    readFile: () => Promise.resolve(null),
  };
  const { preflight, ...plan } = givenPlan();
  const target = {
    plan: { ...plan, preflight: { ...preflight, registryLogin }, platform: { kind: platform } },
    artifacts: givenArtifacts('v1'),
  };
  const context: unknown = { host, target, registryLogin: null, signal: new AbortController().signal };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as much of it as is looked at
  return await lookAtRegistry(context as PlatformContext);
}

describe('preflight on a host on ARM', () => {
  it.each(['swarm', 'compose'] as const)('refuses an index without ARM, %s', async (platform) => {
    const findings = await lookOn({ platform, mediaType: INDEX, image: [AMD64, ATTESTATION] });
    const host = platform === 'swarm' ? 'arm-1' : 'web-1';
    expect(findings).toMatchObject([
      {
        state: 'problem',
        message: `image has no linux/arm64 variant for host ${host} (it has linux/amd64)`,
        wayOut: expect.stringContaining('add linux/arm64 to platforms'),
      },
    ]);
  });

  it('takes an index with ARM in it', async () => {
    const findings = await lookOn({ platform: 'swarm', mediaType: INDEX, image: [AMD64, ARM64] });
    expect(findings).toMatchObject([{ state: 'ok' }]);
  });

  it('refuses an image of another machine, unless the host emulates that', async () => {
    const image = { platform: 'compose', mediaType: SINGLE, image: [AMD64] } as const;
    expect(await lookOn({ ...image, image: [...image.image] })).toMatchObject([{ state: 'problem' }]);
    const emulated = await lookOn({ ...image, image: [...image.image], binfmt: 'yes\n' });
    expect(emulated).toMatchObject([
      { state: 'warning', message: expect.stringContaining('no linux/arm64 variant') },
    ]);
  });

  it('tells of it also where nobody asks for a login of the host, and of nothing else', async () => {
    const asked = { platform: 'swarm', mediaType: INDEX, registryLogin: false } as const;
    expect(await lookOn({ ...asked, image: [AMD64] })).toMatchObject([{ state: 'problem' }]);
    expect(await lookOn({ ...asked, image: [ARM64] })).toEqual([]);
  });
});
