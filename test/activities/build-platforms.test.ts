/** Images for several platforms: an index that is pinned, adopted whole or not at all, and keeps what is attested of it. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { tagImages } from '../../activities/registry/tag-artifacts.js';
import { FAILURE } from '../../workflows/failures.js';
import { useBuilds } from '../support/builds.js';
import { part } from '../support/parts.js';
import { NO_POLICY } from '../support/sealed.js';

const builds = useBuilds();
const BOTH = ['linux/amd64', 'linux/arm64'];
const DOCKERFILE = 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /hello\n';
const FILES = { Dockerfile: DOCKERFILE, amd64: 'a PC', arm64: 'an ARM' };

const build = async (...[commit, artifacts]: [string, Parameters<typeof builds.run>[1]]) =>
  await builds.run(commit, artifacts, builds.buildkit.builderName).ended;

it('builds an index with an image of each platform, pins it, and later releases adopt it', async () => {
  const commit = await builds.repository.commit('one', FILES);
  const app = builds.image({ platforms: BOTH });
  const first = await build(commit, [app]);
  const digest = first.artifacts[0]?.digest ?? '';
  expect(await builds.registry.digestOf(builds.nameOf(app), `sha-${commit}`)).toBe(digest);
  const images = await builds.client().readImages(app.repository, digest);
  expect(images.map(({ platform }) => platform)).toEqual(BOTH);
  const digests = images.map((image) => image.digest);
  expect(new Set([digest, ...digests]).size).toBe(3);
  const note = `app: linux/amd64 ${digests[0]?.slice(0, 19)}, linux/arm64 ${digests[1]?.slice(0, 19)}`;
  expect(first).toMatchObject({ adopted: false, note });
  builds.registry.requests.length = 0;
  expect(await build(commit, [app])).toEqual({ ...first, adopted: true });
  expect(builds.registry.requests.filter((line) => /^(PUT|POST|PATCH)/.test(line))).toEqual([]);
});

it('adopts no index that has lost a platform', async () => {
  const commit = await builds.repository.commit('one', FILES);
  const app = builds.image({ platforms: BOTH });
  const { artifacts } = await build(commit, [app]);
  const client = builds.client();
  const [pc] = await client.readImages(app.repository, artifacts[0]?.digest ?? '');
  // what `docker pull`, `docker tag` and `docker push` of it on a PC leave
  await client.putTags(app.repository, pc?.digest ?? '', [`sha-${commit}`]);
  const unprotected = builds.worker(builds.buildkit.builderName, NO_POLICY);
  for (const again of [() => build(commit, [app]), () => unprotected(commit, [app]).ended])
    await expect(again()).rejects.toMatchObject({
      type: FAILURE.foreignHand,
      message: expect.stringMatching(
        /:sha-\w+: it holds sha256:\w+, which has no linux\/arm64 \(it has linux\/amd64\); delete the tag/,
      ),
    });
});

/** As BuildKit's own scanner, which is on the Docker Hub, speaks with it. */
const SCANNER = `FROM scratch
COPY busybox /bin/busybox
COPY scan.sh /scan.sh
ENTRYPOINT ["/bin/busybox", "sh", "/scan.sh"]
`;
const SCAN = `echo '{"_type": "https://in-toto.io/Statement/v0.1", "subject": [], "predicateType": "https://spdx.dev/Document",
  "predicate": {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "hello", "dataLicense": "CC0-1.0"}}' \\
  > "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"
`;

interface Index {
  manifests: { digest: string; annotations?: Record<string, string> }[];
}

/** What is attested of the image behind a tag: predicate types, by the digest of the platform's image. */
async function readAttested(repository: string, tag: string): Promise<Record<string, string[]>> {
  const client = builds.client();
  const read = async (reference: string): Promise<unknown> =>
    JSON.parse((await client.readManifest(repository, reference)).bytes.toString());
  const { manifests } = (await read(tag)) as Index;
  const found: Record<string, string[]> = {};
  for (const { digest, annotations } of manifests) {
    const of = annotations?.['vnd.docker.reference.digest'];
    if (of === undefined) continue;
    const { layers } = (await read(digest)) as { layers: { annotations: Record<string, string> }[] };
    found[of] = layers.map((layer) => layer.annotations['in-toto.io/predicate-type'] ?? '').sort();
  }
  return found;
}

it('attests provenance and contents of each platform, and moving tags keeps that', async () => {
  await copyFile(await part('busybox'), path.join(builds.repository.folder, 'busybox'));
  const scan = { 'scan.Dockerfile': SCANNER, 'scan.sh': SCAN };
  const one = await builds.repository.commit('one', { ...FILES, ...scan });
  const two = await builds.repository.commit('two', { amd64: 'a newer PC' });
  const tool = builds.image({ dockerfile: 'scan.Dockerfile' });
  const scanner = (await build(one, [tool])).artifacts[0]?.digest ?? '';
  const sbom = `${tool.repository}@${scanner}`;
  const app = builds.image({ platforms: BOTH, provenance: true, sbom });
  const [first, second] = [await build(one, [app]), await build(two, [app])];
  const client = builds.client();
  const wish = { tags: ['v1', 'prod'], fixedTags: ['v1'] };
  await tagImages(client, { ...wish, artifacts: first.artifacts });
  await tagImages(client, { ...wish, tags: ['prod'], artifacts: second.artifacts });
  const name = builds.nameOf(app);
  expect(await builds.registry.digestOf(name, 'v1')).toBe(first.artifacts[0]?.digest);
  expect(await builds.registry.digestOf(name, 'prod')).toBe(second.artifacts[0]?.digest);
  for (const tag of ['v1', 'prod']) {
    const digest = (await builds.registry.digestOf(name, tag)) ?? '';
    const images = await client.readImages(app.repository, digest);
    expect(images.map(({ platform }) => platform)).toEqual(BOTH);
    const all = ['https://slsa.dev/provenance/v1', 'https://spdx.dev/Document'];
    expect(await readAttested(app.repository, tag)).toEqual(
      Object.fromEntries(images.map((image) => [image.digest, all])),
    );
  }
});

it('refuses several platforms and an SBOM where only the engine builds', async () => {
  const commit = await builds.repository.commit('one', FILES);
  const app = builds.image({ platforms: BOTH, sbom: true });
  await expect(builds.run(commit, [app], null).ended).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringMatching(
      /cannot attest what is in an image, nor build for several platforms.*docker buildx create/,
    ),
  });
});

it('names the platform that nothing here can run a command for, and what can', async () => {
  const Dockerfile =
    'FROM scratch\nARG TARGETARCH\nCOPY --chmod=755 $TARGETARCH /bin/busybox\nRUN ["/bin/busybox", "true"]\n';
  // a program for a machine that nobody makes, so that this holds where ARM is emulated
  const arm64 = `\x7fELF\x02\x01\x01${'\0'.repeat(9)}\x02\0\x34\x12\x01${'\0'.repeat(43)}`;
  await copyFile(await part('busybox'), path.join(builds.repository.folder, 'amd64'));
  const commit = await builds.repository.commit('one', { Dockerfile, arm64 });
  const app = builds.image({ platforms: BOTH });
  await expect(build(commit, [app])).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringMatching(/runs commands for linux\/arm64, and its builder cannot.*binfmt/),
  });
});
