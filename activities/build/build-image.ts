/** One `docker buildx build` in a clean checkout, pushed, and pinned by the digest the registry has. */
import { lutimes, readdir, readFile, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { CommitFacts, ImageArtifact } from '../../pipeline/plan.js';
import { badInput, refused } from '../failure.js';
import { plainEnvironment, runProcess } from '../processes/run-process.js';
import type { RegistryCredentials } from '../registry/registry-token.js';
import type { Secrets } from '../secrets/secrets.js';
import { withCheckout } from '../source/checkout.js';
import { checkPathInRepository } from '../source/git-names.js';
import type { Mirror } from '../source/source.js';
import { agreeOnDigest, type Adopting } from './adopt-image.js';
import { buildArgv } from './build-command.js';
import { findBuilder } from './builder.js';
import { withDockerConfig, type DockerLogin } from './docker-config.js';
import { explainBuild } from './explain-build.js';
import { findLayerCache } from './layer-cache.js';

/** The activity has a deadline of its own; this one only ends a build that nobody waits for. */
const LONGEST_BUILD_MS = 2 * 60 * 60_000;

export interface ImageBuild {
  image: ImageArtifact;
  commit: CommitFacts;
  mirror: Mirror;
  adopting: Adopting;
  credentials: RegistryCredentials | null;
  builderName: string | null;
  secrets: Pick<Secrets, 'scrub' | 'conceal'>;
  signal: AbortSignal;
  report: (progress: string) => void;
}

export interface ImageBuilt {
  digest: string;
  /** What people should know of how it was built. */
  notes: string[];
}

/** Throws Refused for a build that fails; a retryable failure when network or registry did. */
export async function buildImage(build: ImageBuild): Promise<ImageBuilt> {
  const { mirror, commit, signal, credentials } = build;
  // docker's client is ours; what the commit runs, it runs inside the build's containers
  return await withCheckout({ mirror, commit: commit.sha, user: null, signal }, ({ folder }) =>
    withDockerConfig(credentials, (login) => buildIn(build, folder, login)),
  );
}

async function buildIn(build: ImageBuild, folder: string, login: DockerLogin): Promise<ImageBuilt> {
  const { image, commit, adopting, builderName, secrets, signal } = build;
  const contextFolder = await findInCheckout(folder, image.context, 'context');
  const dockerfile = await findInCheckout(folder, image.dockerfile, 'dockerfile');
  // as with BuildKit's own git contexts: files only, or COPY . . would differ on every checkout
  await rm(path.join(folder, '.git'), { recursive: true });
  const committedAt = Math.floor(Date.parse(commit.committedAt) / 1000);
  await setFileTimes(folder, committedAt);
  const env = { ...plainEnvironment(), ...login.environment, SOURCE_DATE_EPOCH: String(committedAt) };
  const builder = await findBuilder({ env, cwd: folder, signal }, builderName);
  if (builder.kind === 'engine') refuseForEngine(image);
  const cache = findLayerCache(image, builder.kind, process.env);
  if (cache.token !== null) secrets.conceal(cache.token.value, cache.token.name);
  const metadataFile = path.join(login.folder, 'metadata.json');
  const argv = buildArgv({
    image,
    commit: commit.sha,
    contextFolder,
    dockerfile,
    metadataFile,
    builder: builder.kind,
    cache: cache.use,
    builderName,
  });
  const ended = await runProcess({
    argv,
    cwd: folder,
    env: { ...env, ...cache.variables },
    timeoutMs: LONGEST_BUILD_MS,
    signal,
    onOutput: (chunk) => build.report(`${image.name}: ${secrets.scrub(lastStep(chunk) ?? 'building')}`),
  });
  signal.throwIfAborted();
  if (ended.exitCode !== 0) {
    const username = build.credentials?.username ?? null;
    throw explainBuild(image, secrets.scrub(ended.tail), { username, builds: builder.platforms });
  }
  const digest = await agreeOnDigest(adopting, image, commit.sha, await readDigest(metadataFile), signal);
  return { digest, notes: cache.whyNot === null ? [] : [`built without a cache: ${cache.whyNot}`] };
}

/** Throws Refused for what only a BuildKit can do. */
function refuseForEngine({ name, provenance, sbom, platforms }: ImageArtifact): void {
  const wanted = [
    ...(provenance ? [{ what: 'attest provenance', otherwise: 'leave provenance out' }] : []),
    ...(sbom === undefined ? [] : [{ what: 'attest what is in an image', otherwise: 'leave sbom out' }]),
    ...(platforms.length > 1
      ? [{ what: 'build for several platforms', otherwise: 'name one platform' }]
      : []),
  ];
  if (wanted.length === 0) return;
  throw refused({
    what: `the engine’s built-in builder cannot ${wanted.map(({ what }) => what).join(', nor ')}`,
    where: `image ${name}`,
    why: null,
    wayOut: `docker buildx create --name slipway --driver docker-container on the worker and SLIPWAY_BUILDER=slipway, or ${wanted.map(({ otherwise }) => otherwise).join(' and ')}`,
  });
}

/** As in `git archive`: file times are the commit's, so a build done again on any worker gives the same layers. */
async function setFileTimes(folder: string, seconds: number): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    await lutimes(path.join(folder, name), seconds, seconds);
  }
}

/** Throws BadInput for a path that is missing or that a link leads out of the checkout. */
async function findInCheckout(folder: string, name: string, key: string): Promise<string> {
  const root = await realpath(folder);
  const found = await realpath(path.join(root, checkPathInRepository(name))).catch(() => null);
  if (found !== null && (found === root || found.startsWith(`${root}${path.sep}`))) return found;
  throw badInput({
    what: found === null ? `there is no ${name} in the commit` : `${name} leads out of the repository`,
    where: `image ${key}`,
    why: null,
    wayOut: `commit it, or correct ${key} in the pipeline file`,
  });
}

const metadata = z.object({ 'containerimage.digest': z.string().regex(/^sha256:[0-9a-f]{64}$/) });

async function readDigest(file: string): Promise<string> {
  const parsed = metadata.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (parsed.success) return parsed.data['containerimage.digest'];
  throw refused({
    what: 'buildx pushed an image but did not say which digest it has',
    where: 'the worker',
    why: parsed.error.message,
    wayOut: 'update docker-buildx on the worker to 0.10 or later',
  });
}

/** `#7 [2/3] COPY . .` → `[2/3] COPY . .`, for the heartbeat; build output itself goes nowhere. */
function lastStep(chunk: string): string | null {
  const steps = [...chunk.matchAll(/^#\d+ (\[[^\]]{1,40}\] .{1,80})/gm)];
  return steps.at(-1)?.[1] ?? null;
}
