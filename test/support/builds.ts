/** Images built for real: a registry with a token login, an engine, a BuildKit and a repository of a team. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { createBuildArtifacts } from '../../activities/build/build-artifacts.js';
import { createRegistry, type Registry } from '../../activities/registry/registry-client.js';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { createSource } from '../../activities/source/source.js';
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import type { SealKeys } from '../../activities/trust/seal-keys.js';
import type { ArtifactPlan, ImageArtifact, ReleasePlan } from '../../pipeline/plan.js';
import type { BuiltArtifact } from '../../workflows/result.js';
import { createDockerConfig, startBuildkit, type Buildkit } from './buildkit.js';
import { startDockerd, type Dockerd } from './dockerd.js';
import { givenImage } from './given.js';
import { plantToken } from './planted.js';
import { givenPolicyStore } from './policies.js';
import { startRegistry, type TestRegistry } from './registry.js';
import { createRepository, type TestRepository } from './repository.js';
import { useSealKeys } from './sealed.js';

const PROTECTED = givenPolicyStore('pipelines: {}');

/** Started once for the tests of a file; each test has a repository and a cache folder of its own. */
export function useBuilds(): Builds {
  const builds = new Builds(useSealKeys());
  beforeAll(() => builds.start());
  afterAll(() => builds.end());
  beforeEach(() => builds.startTest());
  afterEach(() => builds.endTest());
  return builds;
}

export class Builds {
  readonly login = { username: 'ci', password: plantToken('build-') };
  registry!: TestRegistry;
  dockerd!: Dockerd;
  buildkit!: Buildkit;
  repository!: TestRepository;
  folder!: string;
  #dockerConfig!: Awaited<ReturnType<typeof createDockerConfig>>;
  #images = 0;
  #builds = 0;

  constructor(private readonly keys: { readonly ours: SealKeys }) {}

  image(change: Partial<ImageArtifact> = {}): ImageArtifact {
    return givenImage({
      repository: `${this.registry.server}/team/app-${++this.#images}`,
      cache: 'registry',
      ...change,
    });
  }

  /** Inside the registry. */
  nameOf(artifact: ImageArtifact): string {
    return artifact.repository.slice(this.registry.server.length + 1);
  }

  client(): Registry {
    return createRegistry({ credentials: { server: this.registry.server, ...this.login } });
  }

  /** Digests of the layers of the one image that was built. */
  async layersOf([built]: BuiltArtifact[]): Promise<string[]> {
    if (built === undefined) throw new Error('nothing was built');
    const { bytes } = await this.client().readManifest(built.repository, built.digest);
    const { layers } = JSON.parse(bytes.toString()) as { layers: { digest: string }[] };
    return layers.map((layer) => layer.digest);
  }

  run(commit: string, artifacts: ArtifactPlan[], builderName: string | null) {
    return this.worker(builderName)(commit, artifacts);
  }

  /** `builderName`: null = the engine's own. `policy`: without one, whatever says that it was built from the commit is adopted. */
  worker(builderName: string | null, policy: PolicyStore = PROTECTED) {
    const buildArtifacts = createBuildArtifacts({
      policy,
      sealKeys: this.keys.ours,
      source: createSource({ cacheFolder: this.folder }),
      cacheFolder: this.folder,
      secrets: createSecrets(),
      insecureRegistries: [],
      builderName,
    });
    return (commit: string, artifacts: ArtifactPlan[]) => {
      const environment = new MockActivityEnvironment();
      const committedAt = new Date(1_767_000_000_000 + ++this.#builds * 60_000).toISOString();
      const plan = {
        commit: { sha: commit, committedAt },
        artifacts,
        registry: {
          server: this.registry.server,
          username: this.login.username,
          password: 'env:REGISTRY_TOKEN',
        },
        repository: { url: this.repository.folder },
      } as unknown as ReleasePlan;
      const attempt = (): ReturnType<typeof buildArtifacts> => environment.run(buildArtifacts, { plan });
      return { environment, ended: despiteUploadRace(attempt) };
    };
  }

  async start(): Promise<void> {
    [this.registry, this.dockerd, this.#dockerConfig] = await Promise.all([
      startRegistry({ login: { ...this.login, scheme: 'token' } }),
      startDockerd(),
      createDockerConfig(),
    ]);
    const { folder: dockerConfig } = this.#dockerConfig;
    this.buildkit = await startBuildkit({ dockerConfig, plainRegistries: [this.registry.server] });
    vi.stubEnv('DOCKER_HOST', this.dockerd.dockerHost);
    vi.stubEnv('DOCKER_CONFIG', dockerConfig);
    vi.stubEnv('REGISTRY_TOKEN', this.login.password);
  }

  async end(): Promise<void> {
    vi.unstubAllEnvs();
    await this.buildkit.stop();
    await Promise.all([this.registry.stop(), this.dockerd.stop(), this.#dockerConfig.remove()]);
  }

  async startTest(): Promise<void> {
    this.repository = await createRepository();
    this.folder = await mkdtemp(path.join(tmpdir(), 'slw-build-'));
  }

  async endTest(): Promise<void> {
    this.registry.heal();
    await this.repository.remove();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Uploads of one layer for image and cache may cross in a registry: Temporal would ask again, and so is done here. */
async function despiteUploadRace<T>(attempt: () => Promise<T>, attempts = 3): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    const crossed =
      error instanceof Error && /did not match uploaded content|blob unknown/.test(error.message);
    if (!crossed || attempts === 1) throw error;
    return await despiteUploadRace(attempt, attempts - 1);
  }
}
