import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBuildArtifacts } from '../../activities/build/build-artifacts.js';
import { hashBuildInputs, LABEL } from '../../activities/build/build-command.js';
import { sealTag } from '../../activities/build/image-seal.js';
import { createRegistry } from '../../activities/registry/registry-client.js';
import { tagImages } from '../../activities/registry/tag-artifacts.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { archivePath } from '../../activities/source/files-at-commit.js';
import { createSource } from '../../activities/source/source.js';
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import type { ArtifactPlan, ImageArtifact, ReleasePlan } from '../../pipeline/plan.js';
import type { BuiltArtifact } from '../../workflows/result.js';
import { FAILURE } from '../../workflows/failures.js';
import { createDockerConfig, startBuildkit, type Buildkit } from '../support/buildkit.js';
import { startDockerd, type Dockerd } from '../support/dockerd.js';
import { part } from '../support/parts.js';
import { plantToken } from '../support/planted.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { createRepository, type TestRepository } from '../support/repository.js';
import { givenImage } from '../support/given.js';
import { givenPolicyStore } from '../support/policies.js';
import { NO_POLICY, useSealKeys } from '../support/sealed.js';

const exec = promisify(execFile);
const ownTmpdir = tmpdir();
const login = { username: 'ci', password: plantToken('build-') };
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

const keys = useSealKeys();
const PROTECTED = givenPolicyStore('pipelines: {}');
let registry: TestRegistry;
let dockerd: Dockerd;
let buildkit: Buildkit;
let dockerConfig: Awaited<ReturnType<typeof createDockerConfig>>;
let repository: TestRepository;
let folder: string;

beforeAll(async () => {
  [registry, dockerd, dockerConfig] = await Promise.all([
    startRegistry({ login: { ...login, scheme: 'token' } }),
    startDockerd(),
    createDockerConfig(),
  ]);
  buildkit = await startBuildkit({ dockerConfig: dockerConfig.folder, plainRegistries: [registry.server] });
  vi.stubEnv('DOCKER_HOST', dockerd.dockerHost);
  vi.stubEnv('DOCKER_CONFIG', dockerConfig.folder);
  vi.stubEnv('REGISTRY_TOKEN', login.password);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await buildkit.stop();
  await Promise.all([registry.stop(), dockerd.stop(), dockerConfig.remove()]);
});

beforeEach(async () => {
  repository = await createRepository();
  folder = await mkdtemp(path.join(tmpdir(), 'slw-build-'));
});

afterEach(async () => {
  registry.heal();
  await repository.remove();
  await rm(folder, { recursive: true, force: true });
});

let images = 0;
let builds = 0;
function image(change: Partial<ImageArtifact> = {}): ImageArtifact {
  return givenImage({
    repository: `${registry.server}/team/app-${++images}`,
    cache: 'registry',
    ...change,
  });
}

function start(commit: string, artifacts: ArtifactPlan[], builderName: string | null) {
  return createWorker(builderName)(commit, artifacts);
}

/** `policy`: without one, whatever says that it was built from the commit is adopted. */
function createWorker(builderName: string | null, policy: PolicyStore = PROTECTED) {
  const buildArtifacts = createBuildArtifacts({
    policy,
    sealKeys: keys.ours,
    source: createSource({ cacheFolder: folder }),
    cacheFolder: folder,
    secrets: createSecrets(),
    insecureRegistries: [],
    builderName,
  });
  return (commit: string, artifacts: ArtifactPlan[]) => {
    const environment = new MockActivityEnvironment();
    const committedAt = new Date(1_767_000_000_000 + ++builds * 60_000).toISOString();
    const plan = {
      commit: { sha: commit, committedAt },
      artifacts,
      registry: { server: registry.server, username: login.username, password: 'env:REGISTRY_TOKEN' },
      repository: { url: repository.folder },
    } as unknown as ReleasePlan;
    const ended: ReturnType<typeof buildArtifacts> = environment.run(buildArtifacts, { plan });
    return { environment, ended };
  };
}

const nameOf = (artifact: ImageArtifact): string => artifact.repository.slice(registry.server.length + 1);

function readLabels(repositoryName: string, digest: string): Promise<Record<string, string>[]> {
  return createRegistry({ credentials: { server: registry.server, ...login } }).readLabels(
    repositoryName,
    digest,
  );
}

async function readLayers(artifacts: BuiltArtifact[]): Promise<string[]> {
  const [built] = artifacts;
  if (built === undefined) throw new Error('nothing was built');
  const client = createRegistry({ credentials: { server: registry.server, ...login } });
  const { bytes } = await client.readManifest(built.repository, built.digest);
  const { layers } = JSON.parse(bytes.toString()) as { layers: { digest: string }[] };
  return layers.map((layer) => layer.digest);
}

describe.each(['buildkit', 'engine'] as const)('with %s', (builder) => {
  const builderName = (): string | null => (builder === 'buildkit' ? buildkit.builderName : null);
  const build = (commit: string, artifacts: ArtifactPlan[]) => start(commit, artifacts, builderName()).ended;

  it('builds once, pushes, pins the digest, and later releases of the commit adopt it', async () => {
    const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    await repository.commit('two', { hello: 'newer' });
    const app = image({ buildArgs: { GREETING: "it's; $(fine)" } });
    const first = await build(commit, [app]);
    const digest = await registry.digestOf(nameOf(app), `sha-${commit}`);
    expect(first).toEqual({
      adopted: false,
      artifacts: [{ name: 'app', kind: 'image', repository: app.repository, digest }],
    });
    expect(await readLabels(app.repository, digest ?? '')).toEqual([
      expect.objectContaining({ 'org.opencontainers.image.revision': commit, greeting: "it's; $(fine)" }),
    ]);
    registry.requests.length = 0;
    expect(await build(commit, [app])).toEqual({ ...first, adopted: true });
    expect(registry.requests.filter((line) => /^(PUT|POST|PATCH)/.test(line))).toEqual([]);
  });

  it('gives the build the files of the commit and nothing else', async () => {
    const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    const app = image();
    const { artifacts } = await build(commit, [app]);
    const pinned = `${app.repository}@${artifacts[0]?.digest ?? ''}`;
    await dockerd.docker([
      'login',
      '--username',
      login.username,
      '--password',
      login.password,
      registry.server,
    ]);
    await dockerd.docker(['pull', '--quiet', pinned]);
    const container = (await dockerd.docker(['create', pinned, '/none'])).trim();
    const archive = path.join(folder, 'container.tar');
    await dockerd.docker(['export', '--output', archive, container]);
    await dockerd.docker(['rm', container]);
    const { stdout } = await exec('tar', ['--list', '--file', archive, '--wildcards', 'all/*']);
    expect(stdout.trim().split('\n').sort()).toEqual(['all/Dockerfile', 'all/hello']);
  });

  it('finds layers of earlier builds in the registry', async () => {
    const app = image();
    await copyFile(await part('busybox'), path.join(repository.folder, 'busybox'));
    const one = await repository.commit('one', { Dockerfile: LAYERS, last: '1' });
    const first = await build(one, [app]);
    await dockerd.docker(['builder', 'prune', '--all', '--force']);
    await dockerd.docker(['buildx', 'prune', '--all', '--force', '--builder', buildkit.builderName]);
    const two = await repository.commit('two', { last: '2' });
    const second = await build(two, [app]);
    const [before, after] = [await readLayers(first.artifacts), await readLayers(second.artifacts)];
    expect(before).toHaveLength(3);
    // a random layer that is the same was not made again
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toBe(before[2]);
  });

  it('builds several images of one commit, each from its own folder and stage', async () => {
    const commit = await repository.commit('one', {
      'backend/Dockerfile': DOCKERFILE,
      'backend/hello': 'backend',
      'docker/frontend.Dockerfile': 'FROM scratch\nCOPY frontend/hello /hello\n',
      'frontend/hello': 'frontend',
    });
    const backend = image({
      name: 'backend',
      context: 'backend',
      dockerfile: 'backend/Dockerfile',
      target: 'base',
    });
    const frontend = image({ name: 'frontend', dockerfile: 'docker/frontend.Dockerfile', cache: 'none' });
    const { artifacts } = await build(commit, [backend, frontend]);
    expect(artifacts.map(({ name, digest }) => ({ name, digest }))).toEqual([
      { name: 'backend', digest: await registry.digestOf(nameOf(backend), `sha-${commit}`) },
      { name: 'frontend', digest: await registry.digestOf(nameOf(frontend), `sha-${commit}`) },
    ]);
    expect(await registry.digestOf(nameOf(backend), 'buildcache')).not.toBeNull();
  });

  it('is one build when two releases of a commit ask one worker at once', async () => {
    const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    const app = image();
    const worker = createWorker(builderName());
    const both = await Promise.all([worker(commit, [app]).ended, worker(commit, [app]).ended]);
    const digest = await registry.digestOf(nameOf(app), `sha-${commit}`);
    expect(both.map(({ artifacts }) => artifacts[0]?.digest)).toEqual([digest, digest]);
    expect(both.filter(({ adopted }) => adopted)).toHaveLength(1);
  });

  it('ends with the release that asked, without a process, login or checkout left', async () => {
    const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    const app = image();
    const temporary = path.join(folder, 'tmp');
    await mkdir(temporary);
    vi.stubEnv('TMPDIR', temporary);
    // the push hangs on its first upload until it is cancelled
    let uploads = 0;
    registry.fail({ status: 503, when: ({ method }) => method === 'POST' && ++uploads > 0 });
    const { environment, ended } = start(commit, [app], builderName());
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
    expect(await registry.digestOf(nameOf(app), `sha-${commit}`)).toBeNull();
  });

  it('refuses a build that fails, with what it printed', async () => {
    const commit = await repository.commit('one', { Dockerfile: 'FROM scratch\nCOPY missing.txt /\n' });
    await expect(build(commit, [image()])).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringMatching(/image app .*the build failed.*missing\.txt.*correct Dockerfile/s),
    });
  });

  it('retries when the registry fails, and refuses when it lets nobody in', async () => {
    const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
    registry.fail({
      status: 429,
      headers: { 'retry-after': '3' },
      when: ({ path }) => path.includes('/manifests/'),
    });
    await expect(build(commit, [image()])).rejects.toMatchObject({
      nonRetryable: false,
      nextRetryDelay: 3000,
    });
    registry.heal();
    vi.stubEnv('REGISTRY_TOKEN', 'wrong');
    await expect(build(commit, [image()])).rejects.toMatchObject({
      type: FAILURE.refused,
      message: expect.stringContaining('refused the login of ci'),
    });
    vi.stubEnv('REGISTRY_TOKEN', login.password);
  });
});

it('attests provenance and pins the index', async () => {
  const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = image({ provenance: true });
  const { artifacts } = await start(commit, [app], buildkit.builderName).ended;
  const digest = artifacts[0]?.digest ?? '';
  const client = createRegistry({ credentials: { server: registry.server, ...login } });
  const index = await client.readManifest(app.repository, digest);
  expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json');
  expect(index.bytes.toString()).toContain('attestation-manifest');
  expect((await start(commit, [app], buildkit.builderName).ended).adopted).toBe(true);
  await expect(start(commit, [image({ provenance: true })], null).ended).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringContaining('cannot attest provenance'),
  });
});

it('does not adopt what somebody else has put under the tag of the commit', async () => {
  const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = image();
  await registry.putImage(nameOf(app), `sha-${commit}`, { 'org.opencontainers.image.revision': commit });
  await expect(start(commit, [app], null).ended).rejects.toMatchObject({ type: FAILURE.foreignHand });
});

/** What anybody can push who may push there: nothing but the labels says where it comes from. */
function pushLookalike(app: ImageArtifact, commit: string): Promise<string> {
  const labels = { [LABEL.revision]: commit, [LABEL.inputs]: hashBuildInputs(app) };
  return registry.putImage(nameOf(app), `sha-${commit}`, labels);
}

it('builds anew what nobody vouches for, and adopts that by its seal, whatever else it is called', async () => {
  const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = image();
  const pushed = await pushLookalike(app, commit);
  const first = await start(commit, [app], null).ended;
  const digest = first.artifacts[0]?.digest ?? '';
  expect(digest).not.toBe(pushed);
  expect(first).toMatchObject({
    adopted: false,
    note: `built anew: ${app.repository}:sha-${commit} held ${pushed.slice(0, 15)}, which no worker that is trusted here has built`,
  });
  const client = createRegistry({ credentials: { server: registry.server, ...login } });
  // the seal of what was built, put where that of something else belongs
  const copied = (await client.readAnnotations(app.repository, sealTag(digest))) ?? {};
  await client.putAnnotations(app.repository, sealTag(pushed), pushed, copied);
  await tagImages(client, { tags: ['v1.0.0', 'prod'], fixedTags: [], artifacts: first.artifacts });
  registry.requests.length = 0;
  expect(await start(commit, [app], null).ended).toEqual({ artifacts: first.artifacts, adopted: true });
  expect(registry.requests.filter((line) => line.includes('.slipway'))).toHaveLength(1);
  await client.putTags(app.repository, pushed, [`sha-${commit}`]);
  expect(await start(commit, [app], null).ended).toMatchObject({ adopted: false });
});

it('believes labels where no policy protects', async () => {
  const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  const app = image();
  const digest = await pushLookalike(app, commit);
  const adopted = await createWorker(null, NO_POLICY)(commit, [app]).ended;
  expect(adopted).toMatchObject({ adopted: true, artifacts: [{ digest }] });
});

it('refuses a context or Dockerfile that a link leads out of the repository', async () => {
  await exec('ln', ['-s', '/etc', path.join(repository.folder, 'outside')]);
  const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  for (const change of [
    { context: 'outside' },
    { dockerfile: 'outside/passwd' },
    { context: '../..' },
    { context: 'no' },
  ]) {
    await expect(start(commit, [image(change)], null).ended).rejects.toMatchObject({
      type: FAILURE.badInput,
    });
  }
});

it('refuses a builder that does not exist by name', async () => {
  const commit = await repository.commit('one', { Dockerfile: DOCKERFILE, hello: 'hello' });
  await expect(start(commit, [image()], 'no-such-builder').ended).rejects.toMatchObject({
    type: FAILURE.refused,
    message: expect.stringContaining('there is no builder no-such-builder'),
  });
});

it('makes a folder of the commit an artifact without Docker', async () => {
  const commit = await repository.commit('one', { 'site/index.html': 'v1' });
  const site: ArtifactPlan = { kind: 'folder', name: 'site', folder: 'site' };
  const one = await start(commit, [site], null).ended;
  const two = await start(commit, [site], null).ended;
  expect(one.artifacts).toEqual(two.artifacts);
  expect(one.artifacts[0]).toMatchObject({ name: 'site', kind: 'folder', repository: 'site' });
  expect(existsSync(archivePath(folder, one.artifacts[0]?.digest ?? ''))).toBe(true);
});
