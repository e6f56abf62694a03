import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CancelledFailure } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';
import { hashBuildInputs, LABEL } from '../../activities/build/build-command.js';
import { sealTag } from '../../activities/build/image-seal.js';
import { tagImages } from '../../activities/registry/tag-artifacts.js';
import { archivePath } from '../../activities/source/files-at-commit.js';
import type { ArtifactPlan, ImageArtifact } from '../../pipeline/plan.js';
import { FAILURE } from '../../workflows/failures.js';
import { useBuilds } from '../support/builds.js';
import { part } from '../support/parts.js';
import { NO_POLICY } from '../support/sealed.js';

const exec = promisify(execFile);
const ownTmpdir = tmpdir();
const DOCKERFILE = `FROM scratch AS base
COPY hello /hello
FROM base AS app
ARG GREETING=none
LABEL greeting=$GREETING
COPY . /all
`;

const LAYERS = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /proc/sys/kernel/random/uuid > /id"]
COPY last /last
`;

const builds = useBuilds();
const { login } = builds;

async function readLabels(repositoryName: string, digest: string): Promise<Record<string, string>[]> {
  const client = builds.client();
  return (await client.readImages(repositoryName, digest)).map(({ labels }) => labels);
}

describe.each(['buildkit', 'engine'] as const)('with %s', (builder) => {
  const builderName = (): string | null => (builder === 'buildkit' ? builds.buildkit.builderName : null);
  const build = (commit: string, artifacts: ArtifactPlan[]) =>
    builds.run(commit, artifacts, builderName()).ended;

  it('builds once, pushes, pins the digest, and later releases of the commit adopt it', async () => {
    const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    await builds.repository.commit('two', { hello: 'newer' });
    const app = builds.image({ buildArgs: { GREETING: "it's; $(fine)" } });
    const first = await build(commit, [app]);
    const digest = await builds.registry.digestOf(builds.nameOf(app), `sha-${commit}`);
    expect(first).toEqual({
      adopted: false,
      artifacts: [{ name: 'app', kind: 'image', repository: app.repository, digest }],
    });
    expect(await readLabels(app.repository, digest ?? '')).toEqual([
      expect.objectContaining({ 'org.opencontainers.image.revision': commit, greeting: "it's; $(fine)" }),
    ]);
    builds.registry.requests.length = 0;
    expect(await build(commit, [app])).toEqual({ ...first, adopted: true });
    expect(builds.registry.requests.filter((line) => /^(PUT|POST|PATCH)/.test(line))).toEqual([]);
  });

  it('gives the build the files of the commit and nothing else', async () => {
    const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    const app = builds.image();
    const { artifacts } = await build(commit, [app]);
    const pinned = `${app.repository}@${artifacts[0]?.digest ?? ''}`;
    await builds.dockerd.docker([
      'login',
      '--username',
      login.username,
      '--password',
      login.password,
      builds.registry.server,
    ]);
    await builds.dockerd.docker(['pull', '--quiet', pinned]);
    const container = (await builds.dockerd.docker(['create', pinned, '/none'])).trim();
    const archive = path.join(builds.folder, 'container.tar');
    await builds.dockerd.docker(['export', '--output', archive, container]);
    await builds.dockerd.docker(['rm', container]);
    const { stdout } = await exec('tar', ['--list', '--file', archive, '--wildcards', 'all/*']);
    expect(stdout.trim().split('\n').sort()).toEqual(['all/Dockerfile', 'all/hello']);
  });

  it('finds layers of earlier builds in the registry', async () => {
    const app = builds.image();
    await copyFile(await part('busybox'), path.join(builds.repository.folder, 'busybox'));
    const one = await builds.repository.commit('one', { Dockerfile: LAYERS, last: '1' });
    const first = await build(one, [app]);
    await builds.dockerd.docker(['builder', 'prune', '--all', '--force']);
    await builds.dockerd.docker([
      'buildx',
      'prune',
      '--all',
      '--force',
      '--builder',
      builds.buildkit.builderName,
    ]);
    const two = await builds.repository.commit('two', { last: '2' });
    const second = await build(two, [app]);
    const [before, after] = [await builds.layersOf(first.artifacts), await builds.layersOf(second.artifacts)];
    expect(before).toHaveLength(3);
    // a random layer that is the same was not made again
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toBe(before[2]);
  });

  it('builds several images of one commit, each from its own folder and stage', async () => {
    const commit = await builds.repository.commit('one', {
      'backend/Dockerfile': DOCKERFILE,
      'backend/hello': 'backend',
      'docker/frontend.Dockerfile': 'FROM scratch\nCOPY frontend/hello /hello\n',
      'frontend/hello': 'frontend',
    });
    const backend = builds.image({
      name: 'backend',
      context: 'backend',
      dockerfile: 'backend/Dockerfile',
      target: 'base',
    });
    const frontend = builds.image({
      name: 'frontend',
      dockerfile: 'docker/frontend.Dockerfile',
      cache: 'none',
    });
    const { artifacts } = await build(commit, [backend, frontend]);
    expect(artifacts.map(({ name, digest }) => ({ name, digest }))).toEqual([
      { name: 'backend', digest: await builds.registry.digestOf(builds.nameOf(backend), `sha-${commit}`) },
      { name: 'frontend', digest: await builds.registry.digestOf(builds.nameOf(frontend), `sha-${commit}`) },
    ]);
    expect(await builds.registry.digestOf(builds.nameOf(backend), 'buildcache')).not.toBeNull();
  });

  it('is one build when two releases of a commit ask one worker at once', async () => {
    const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    const app = builds.image();
    const worker = builds.worker(builderName());
    const both = await Promise.all([worker(commit, [app]).ended, worker(commit, [app]).ended]);
    const digest = await builds.registry.digestOf(builds.nameOf(app), `sha-${commit}`);
    expect(both.map(({ artifacts }) => artifacts[0]?.digest)).toEqual([digest, digest]);
    expect(both.filter(({ adopted }) => adopted)).toHaveLength(1);
  });

  it('ends with the release that asked, without a process, login or checkout left', async () => {
    const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    const app = builds.image();
    const temporary = path.join(builds.folder, 'tmp');
    await mkdir(temporary);
    vi.stubEnv('TMPDIR', temporary);
    // the push hangs on its first upload until it is cancelled
    let uploads = 0;
    builds.registry.fail({ status: 503, when: ({ method }) => method === 'POST' && ++uploads > 0 });
    const { environment, ended } = builds.run(commit, [app], builderName());
    await vi.waitFor(() => expect(uploads).toBeGreaterThan(0), { timeout: 60_000 });
    environment.cancel('CANCELLED', {
      notFound: false,
      cancelRequested: true,
      paused: false,
      timedOut: false,
      workerShutdown: false,
      reset: false,
    });
    await expect(ended).rejects.toBeInstanceOf(CancelledFailure);
    vi.stubEnv('TMPDIR', ownTmpdir);
    expect(await readdir(temporary)).toEqual([]);
    expect(await builds.registry.digestOf(builds.nameOf(app), `sha-${commit}`)).toBeNull();
  });

  it('refuses a build that fails, with what it printed', async () => {
    const commit = await builds.repository.commit('one', {
      Dockerfile: 'FROM scratch\nCOPY missing.txt /\n',
    });
    await expect(build(commit, [builds.image()])).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringMatching(/image app .*the build failed.*missing\.txt.*correct Dockerfile/s),
    });
  });

  it('retries when the registry fails, and refuses when it lets nobody in', async () => {
    const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    builds.registry.fail({
      status: 429,
      headers: { 'retry-after': '3' },
      when: ({ path }) => path.includes('/manifests/'),
    });
    await expect(build(commit, [builds.image()])).rejects.toMatchObject({
      nonRetryable: false,
      nextRetryDelay: 3000,
    });
    builds.registry.heal();
    vi.stubEnv('REGISTRY_TOKEN', 'wrong');
    await expect(build(commit, [builds.image()])).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('refused the login of ci'),
    });
    vi.stubEnv('REGISTRY_TOKEN', login.password);
  });
});

it('attests provenance and pins the index', async () => {
  const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = builds.image({ provenance: true });
  const { artifacts } = await builds.run(commit, [app], builds.buildkit.builderName).ended;
  const digest = artifacts[0]?.digest ?? '';
  const client = builds.client();
  const index = await client.readManifest(app.repository, digest);
  expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json');
  expect(index.bytes.toString()).toContain('attestation-manifest');
  expect((await builds.run(commit, [app], builds.buildkit.builderName).ended).adopted).toBe(true);
  await expect(builds.run(commit, [builds.image({ provenance: true })], null).ended).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringContaining('cannot attest provenance'),
  });
});

it('does not adopt what somebody else has put under the tag of the commit', async () => {
  const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = builds.image();
  await builds.registry.putImage(builds.nameOf(app), `sha-${commit}`, {
    'org.opencontainers.image.revision': commit,
  });
  await expect(builds.run(commit, [app], null).ended).rejects.toMatchObject({ type: FAILURE.foreignHand });
});

/** What anybody can push who may push there: nothing but the labels says where it comes from. */
function pushLookalike(app: ImageArtifact, commit: string): Promise<string> {
  const labels = { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(app) };
  return builds.registry.putImage(builds.nameOf(app), `sha-${commit}`, labels);
}

it('builds anew what nobody vouches for, and adopts that by its seal, whatever else it is called', async () => {
  const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = builds.image();
  const pushed = await pushLookalike(app, commit);
  const first = await builds.run(commit, [app], null).ended;
  const digest = first.artifacts[0]?.digest ?? '';
  expect(digest).not.toBe(pushed);
  expect(first).toMatchObject({
    adopted: false,
    note: `built anew: ${app.repository}:sha-${commit} held ${pushed.slice(0, 15)}, which no worker that is trusted here has built`,
  });
  const client = builds.client();
  // the seal of what was built, put where that of something else belongs
  const copied = (await client.readAnnotations(app.repository, sealTag(digest))) ?? {};
  await client.putAnnotations(app.repository, sealTag(pushed), pushed, copied);
  await tagImages(client, { tags: ['v1.0.0', 'prod'], fixedTags: [], artifacts: first.artifacts });
  builds.registry.requests.length = 0;
  expect(await builds.run(commit, [app], null).ended).toEqual({ artifacts: first.artifacts, adopted: true });
  expect(builds.registry.requests.filter((line) => line.includes('.slipway'))).toHaveLength(1);
  await client.putTags(app.repository, pushed, [`sha-${commit}`]);
  expect(await builds.run(commit, [app], null).ended).toMatchObject({ adopted: false });
});

it('believes labels where no policy protects', async () => {
  const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = builds.image();
  const digest = await pushLookalike(app, commit);
  const adopted = await builds.worker(null, NO_POLICY)(commit, [app]).ended;
  expect(adopted).toMatchObject({ adopted: true, artifacts: [{ digest }] });
});

it('refuses a context or Dockerfile that a link leads out of the repository', async () => {
  await exec('ln', ['-s', '/etc', path.join(builds.repository.folder, 'outside')]);
  const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  for (const change of [
    { context: 'outside' },
    { dockerfile: 'outside/passwd' },
    { context: '../..' },
    { context: 'no' },
  ]) {
    await expect(builds.run(commit, [builds.image(change)], null).ended).rejects.toMatchObject({
      type: FAILURE.badInput,
    });
  }
});

it('refuses a builder that does not exist by name', async () => {
  const commit = await builds.repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  await expect(builds.run(commit, [builds.image()], 'no-such-builder').ended).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringContaining('there is no builder no-such-builder'),
  });
});

it('makes a folder of the commit an artifact without Docker', async () => {
  const commit = await builds.repository.commit('one', { 'site/index.html': 'v1' });
  const site: ArtifactPlan = { kind: 'folder', name: 'site', folder: 'site' };
  const one = await builds.run(commit, [site], null).ended;
  const two = await builds.run(commit, [site], null).ended;
  expect(one.artifacts).toEqual(two.artifacts);
  expect(one.artifacts[0]).toMatchObject({ name: 'site', kind: 'folder', repository: 'site' });
  expect(existsSync(archivePath(builds.folder, one.artifacts[0]?.digest ?? ''))).toBe(true);
});
