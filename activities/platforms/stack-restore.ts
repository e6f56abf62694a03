/** A stack back to what was recorded of it, compare-and-set: services, things of its own, and the file. */
import { z } from 'zod';
import type { UndoResult } from '../../workflows/activity-contract.js';
import { foreignHand } from '../failure.js';
import { removeUnusedSecrets } from './docker-secrets.js';
import { callEngine } from './engine.js';
import { placeOf, runTool } from './host-question.js';
import { digestOf, registryOf, repositoryOf, sameImage } from './image-reference.js';
import { ownerOf } from '../hosts/owner.js';
import type { PlatformContext } from './platform.js';
import { findCredentials } from './registry-credentials.js';
import { stackFiles } from './stack-deploy.js';
import { removeService, removeThings } from './stack-things.js';
import { awaitConvergence } from './swarm-convergence.js';
import {
  claimedLabels,
  fenceOf,
  listStack,
  listTasks,
  OWNER_LABEL,
  requireOurs,
  sameSpec,
  specSchema,
  withImage,
  writeService,
  type Service,
  type ServiceSpec,
} from './swarm-service.js';

/** What a stack was before a release. */
export const priorSchema = z.object({
  kind: z.literal('stack'),
  name: z.string(),
  /** The file of the release before; null when it was not ours. */
  file: z.string().nullable(),
  services: z.array(z.object({ image: z.string(), spec: specSchema })),
  /** `networks/name` and so on. */
  things: z.array(z.string()),
});
export type StackPrior = z.infer<typeof priorSchema>;

/** Each service back to its recorded spec, new ones removed, pruned ones created again, and the old file put back. */
export async function restoreStack(context: PlatformContext, prior: StackPrior): Promise<UndoResult> {
  const docker = await context.host.docker();
  const present = await listStack(docker, prior.name);
  for (const service of present) requireRecognised(context, prior, service);
  let changes = 0;
  for (const service of present) {
    const before = prior.services.find(({ spec }) => spec.Name === service.Spec.Name);
    if (before === undefined) {
      await removeService(docker, service.ID);
      changes += 1;
    } else if (await restoreService(context, before, service)) changes += 1;
  }
  for (const before of prior.services) {
    if (present.some(({ Spec }) => Spec.Name === before.spec.Name)) continue;
    await createService(context, before);
    changes += 1;
  }
  await restoreFile(context, prior);
  // Also when the services are back: an earlier attempt may have come no further.
  const note = changes === 0 ? null : await awaitRestored(context, prior);
  await removeThings(context, prior.name, new Set(prior.things));
  await removeUnusedSecrets(context);
  return note === null
    ? { outcome: 'never-ran', note: 'nothing had changed' }
    : { outcome: 'undone', note: `back on the recorded stack: ${note}` };
}

async function awaitRestored(context: PlatformContext, prior: StackPrior): Promise<string> {
  const services = await listStack(await context.host.docker(), prior.name);
  return await awaitConvergence(
    context,
    services.flatMap(({ ID: id, Spec }) => {
      const before = prior.services.find(({ spec }) => spec.Name === Spec.Name);
      if (before === undefined) return [];
      const mayBeEmpty = before.spec.Mode.Replicated?.Replicas === 0;
      return [{ id, name: Spec.Name, image: before.image, mayBeEmpty }];
    }),
  );
}

/** Compare-and-set: what is there must be what was recorded or what this change wrote. */
function requireRecognised(context: PlatformContext, prior: StackPrior, service: Service): void {
  requireOurs(context, service);
  const { Spec: spec } = service;
  const image = spec.TaskTemplate.ContainerSpec.Image;
  const before = prior.services.find(({ spec: { Name } }) => Name === spec.Name);
  const isOfPrior = before !== undefined && isImageOf(before, image);
  const isOfRelease = context.target.artifacts.some(({ digest }) => digestOf(image) === digest);
  const isOurWrite =
    spec.Labels?.[OWNER_LABEL] === ownerOf(context.fence) && fenceOf(spec) === context.target.token;
  // An image of somebody else's making (redis) moves only when its line in the file does.
  const isOthers = !isOfPrior && !isOfRelease && before !== undefined && !runsArtifact(context, before.spec);
  const isNew = before === undefined && isOurWrite;
  if (isOurWrite && (isOfPrior || isOfRelease || isOthers || isNew)) return;
  if (before !== undefined && isOfPrior && sameSpec(spec, withImage(before.spec, image))) return;
  throw strangersWork(context, service);
}

function runsArtifact(context: PlatformContext, spec: ServiceSpec): boolean {
  const image = spec.TaskTemplate.ContainerSpec.Image;
  return context.target.artifacts.some(({ repository }) => repository === repositoryOf(image));
}

function isImageOf(before: StackPrior['services'][number], image: string): boolean {
  return sameImage(image, before.image) || image === before.spec.TaskTemplate.ContainerSpec.Image;
}

/** true when something had to be written, or is still moving because of us. */
async function restoreService(
  context: PlatformContext,
  before: StackPrior['services'][number],
  service: Service,
): Promise<boolean> {
  const auth = await findCredentials(context, registryOf(before.image));
  const { written } = await writeService(context, service.ID, {
    auth,
    change: ({ Spec: spec, UpdateStatus: update }) => {
      const status = update?.State ?? '';
      const isBack =
        isImageOf(before, spec.TaskTemplate.ContainerSpec.Image) &&
        sameSpec(spec, withImage(before.spec, spec.TaskTemplate.ContainerSpec.Image));
      if (isBack && !status.startsWith('rollback') && status !== 'paused') return null;
      const labels = claimedLabels(context, before.spec);
      return { ...withImage(before.spec, before.image), Labels: labels };
    },
  });
  if (written) return true;
  return (await listTasks(await context.host.docker(), service.ID)).some(
    (task) => task.DesiredState === 'running' && !isImageOf(before, task.Spec.ContainerSpec?.Image ?? ''),
  );
}

async function createService(
  context: PlatformContext,
  before: StackPrior['services'][number],
): Promise<void> {
  const labels = claimedLabels(context, before.spec);
  await callEngine(await context.host.docker(), {
    method: 'POST',
    path: '/services/create',
    body: { ...withImage(before.spec, before.image), Labels: labels },
    auth: await findCredentials(context, registryOf(before.image)),
  });
}

async function restoreFile(context: PlatformContext, prior: StackPrior): Promise<void> {
  const files = await stackFiles(context, prior.name);
  if (prior.file === null) await runTool(context, ['rm', '-rf', '--', files.folder]);
  else await context.host.writeFile(files.stack, prior.file, { mode: 0o600, fence: context.fence });
}

export function strangersWork(context: PlatformContext, { Spec: spec }: Service): Error {
  const owner = spec.Labels?.[OWNER_LABEL] ?? 'nobody';
  return foreignHand({
    what: `service ${spec.Name} is neither what this release wrote nor what was there before: it runs ${spec.TaskTemplate.ContainerSpec.Image}`,
    where: placeOf(context),
    why: `owner label: ${owner}`,
    wayOut: `see who changed it, then put it right by hand: docker service inspect --pretty ${spec.Name}`,
  });
}
