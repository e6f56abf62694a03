/**
 * Builds what no release of this commit has built yet, and pushes it once. What is there already, in the registry
 * under `sha-<commit>`, is adopted; a build that was cut off is done again, or found finished.
 */
import type { ArtifactPlan, FolderArtifact, ImageArtifact, ReleasePlan } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import type { BuiltArtifact } from '../../workflows/result.js';
import { OneAtATime } from '../one-at-a-time.js';
import { stoppable } from '../processes/stop.js';
import { loginOf, type LoginDependencies } from '../registry/registry-login.js';
import { createRegistry, type Registry } from '../registry/registry-client.js';
import type { RegistryCredentials } from '../registry/registry-token.js';
import { archiveFolder } from '../source/files-at-commit.js';
import type { Source } from '../source/source.js';
import type { PolicyStore } from '../trust/policy-store.js';
import type { SealKeys } from '../trust/seal-keys.js';
import { adoptImage, type Adopting } from './adopt-image.js';
import { buildImage } from './build-image.js';
import { createImageSeals } from './image-seal.js';

export interface BuildDependencies extends LoginDependencies {
  source: Source;
  /** Where one protects, an image is adopted only with the seal of a worker that built it. */
  policy: PolicyStore;
  sealKeys: SealKeys;
  /** Archives of folder artifacts are kept here (see `archivePath`). */
  cacheFolder: string;
  /** Builder for images; null = docker's current one. */
  builderName: string | null;
}

interface Work {
  deps: BuildDependencies;
  plan: ReleasePlan;
  adopting: Adopting;
  credentials: RegistryCredentials | null;
  signal: AbortSignal;
  report: (progress: string) => void;
}

export function createBuildArtifacts(deps: BuildDependencies): Activities['buildArtifacts'] {
  /** Builds of one image of one commit: the second adopts the first's. */
  const builds = new OneAtATime();

  return async ({ plan }) =>
    await stoppable('the build', async (signal, report) => {
      const credentials = await loginOf(deps, plan.registry);
      const registry = createRegistry({ credentials, insecureRegistries: deps.insecureRegistries, signal });
      const seals = createImageSeals(registry, deps.sealKeys);
      const adopting = { registry, seals, needsSeal: (await deps.policy.read()) !== null };
      const work: Work = { deps, plan, adopting, credentials, signal, report };
      const artifacts: BuiltArtifact[] = [];
      const notes: string[] = [];
      let adopted = true;
      for (const artifact of plan.artifacts) {
        report(artifact.name);
        const key = `${artifact.kind === 'image' ? artifact.repository : artifact.folder}@${plan.commit.sha}`;
        const made = await builds.run(key, () => makeArtifact(work, artifact));
        signal.throwIfAborted();
        artifacts.push(made.artifact);
        notes.push(...made.notes);
        adopted &&= made.adopted;
      }
      return { artifacts, adopted, ...(notes.length === 0 ? {} : { note: notes.join('; ') }) };
    });
}

interface Made {
  artifact: BuiltArtifact;
  adopted: boolean;
  /** Such as why what was there was not adopted. */
  notes: string[];
}

async function makeArtifact(work: Work, artifact: ArtifactPlan): Promise<Made> {
  return artifact.kind === 'folder' ? await makeFolder(work, artifact) : await makeImage(work, artifact);
}

async function makeFolder({ deps, plan, signal }: Work, artifact: FolderArtifact): Promise<Made> {
  const { name, folder } = artifact;
  const commit = plan.commit.sha;
  const mirror = await deps.source.fetchCommit(plan.repository.url, commit, signal);
  const { digest } = await archiveFolder({ mirror, commit, folder, cacheFolder: deps.cacheFolder, signal });
  return { artifact: { name, kind: 'folder', repository: folder, digest }, adopted: false, notes: [] };
}

async function makeImage(work: Work, image: ImageArtifact): Promise<Made> {
  const { deps, plan, adopting, credentials, signal, report } = work;
  const commit = plan.commit.sha;
  const { name, repository } = image;
  const found = await adoptImage(adopting, image, commit);
  const made = async (digest: string, adopted: boolean, notes: string[]): Promise<Made> => ({
    artifact: { name, kind: 'image', repository, digest },
    adopted,
    notes: [...notes, ...(await describeIndex(adopting.registry, image, digest))],
  });
  if (found.digest !== null) return await made(found.digest, true, []);
  const mirror = await deps.source.fetchCommit(plan.repository.url, commit, signal);
  const { builderName } = deps;
  const { digest, notes } = await buildImage({
    image,
    commit: plan.commit,
    mirror,
    adopting,
    credentials,
    builderName,
    secrets: deps.secrets,
    signal,
    report,
  });
  if (found.whyNot !== null) notes.unshift(`built anew: ${found.whyNot}`);
  return await made(digest, false, notes);
}

/** What an index leads to: `app: linux/amd64 sha256:1c3b3f0819b6, linux/arm64 sha256:c339e5fbc171`. */
async function describeIndex(
  registry: Registry,
  { name, repository, platforms }: ImageArtifact,
  digest: string,
): Promise<string[]> {
  if (platforms.length < 2) return [];
  const images = await registry.readImages(repository, digest);
  return [`${name}: ${images.map((each) => `${each.platform} ${each.digest.slice(0, 19)}`).join(', ')}`];
}
