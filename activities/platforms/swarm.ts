/** Platform `swarm`: one service that exists is moved to our digest through the Engine's API, and truthfully waited for. */
import { z } from 'zod';
import type { Colour } from '../../pipeline/plan.js';
import type { PreflightFinding, UndoResult } from '../../workflows/activity-contract.js';
import { foreignHand, refused } from '../failure.js';
import { digestOf, registryOf, sameImage } from './image-reference.js';
import { requireImage, requireWayBackTo, resolveDigest } from './image-availability.js';
import { lookAtRegistry } from './engine-preflight.js';
import { finding, lookAtHost } from './host-findings.js';
import { placeOf } from './host-question.js';
import { ownerOf } from '../hosts/owner.js';
import { platformPlan, type Platform, type PlatformContext } from './platform.js';
import { findCredentials } from './registry-credentials.js';
import { findReleaseImage, requireReleaseImage } from './release-image.js';
import { logsOfTasks, readNewLines } from './new-log-lines.js';
import { readLogs } from './service-logs.js';
import { awaitConvergence, sentenceFor } from './swarm-convergence.js';
import { lookAtEngine } from './swarm-preflight.js';
import {
  claimedLabels,
  claimService,
  listTasks,
  missingService,
  missingServiceWayOut,
  OWNER_LABEL,
  readService,
  REPLICAS_LABEL,
  requireOurs,
  sameSpec,
  specSchema,
  withImage,
  writeService,
  type Service,
  type ServiceSpec,
} from './swarm-service.js';

const priorSchema = z.object({
  kind: z.literal('swarm'),
  service: z.string(),
  /** By digest, also where the spec names a tag. */
  image: z.string(),
  spec: specSchema,
});
type Prior = z.infer<typeof priorSchema>;

export const swarm: Platform = {
  preflight,
  claim: (context) => claimService(context, serviceName(context)),
  recordPrior,
  proveWayBack,
  deploy,
  undo,
  retire,
  observe,
  logs: async (context, lines) => {
    const docker = await context.host.docker();
    const service = await readService(docker, serviceName(context));
    return service === null ? '' : await readLogs(docker, `services/${service.ID}`, lines);
  },
  newLogs: async (context, from) => {
    const docker = await context.host.docker();
    const service = await readService(docker, serviceName(context));
    if (service === null) throw missingService(context, serviceName(context));
    return await readNewLines(docker, logsOfTasks(service, await listTasks(docker, service.ID)), from);
  },
};

function serviceName(context: PlatformContext, colour: Colour | null = context.target.colour): string {
  return platformPlan(context, 'swarm').service.replaceAll('{colour}', colour ?? '');
}

async function preflight(context: PlatformContext): Promise<PreflightFinding[]> {
  const engine = await lookAtEngine(context);
  if (engine.dataFolder === null)
    return [...engine.findings, ...(await lookAtHost(context, { dataFolder: '/', ownPorts: [] }))];
  const name = serviceName(context);
  const service = await readService(await context.host.docker(), name);
  const ownPorts = (service?.Endpoint?.Ports ?? []).flatMap(({ PublishedPort: port }) => port ?? []);
  return [
    ...engine.findings,
    lookAtService(context, name, service),
    ...(await lookAtRegistry(context)),
    ...(await lookAtHost(context, { dataFolder: engine.dataFolder, ownPorts })),
  ];
}

function lookAtService(context: PlatformContext, name: string, service: Service | null): PreflightFinding {
  const thing = `service ${name}`;
  if (service === null)
    return finding(context, thing, 'problem', 'does not exist', missingServiceWayOut(name));
  const { Labels: labels, Mode: mode } = service.Spec;
  const owner = labels?.[OWNER_LABEL];
  if (owner !== undefined && owner !== ownerOf(context.fence))
    return finding(context, thing, 'problem', `belongs to ${owner}`, 'name another service');
  if (mode.Replicated?.Replicas === 0 && labels?.[REPLICAS_LABEL] === undefined)
    return finding(
      context,
      thing,
      'problem',
      'asks for 0 replicas, so nothing would run',
      `docker service scale ${name}=1`,
    );
  return finding(context, thing, 'ok', 'there');
}

async function recordPrior(context: PlatformContext): Promise<Prior> {
  const name = serviceName(context);
  const service = await readService(await context.host.docker(), name);
  if (service === null) throw missingService(context, name);
  requireOurs(context, service);
  const named = service.Spec.TaskTemplate.ContainerSpec.Image;
  const image = digestOf(named) === null ? await resolveDigest(context, named) : named;
  if (image === null) {
    throw refused({
      what: `service ${name} runs ${named}, and nobody knows which digest that is: no way back could be proven`,
      where: placeOf(context),
      why: null,
      wayOut: `push that image and pin it: docker service update --with-registry-auth --image REPOSITORY@sha256:… ${name}`,
    });
  }
  return { kind: 'swarm', service: name, image, spec: service.Spec };
}

async function proveWayBack(context: PlatformContext, recorded: unknown): Promise<string> {
  const { image } = priorSchema.parse(recorded);
  return await requireWayBackTo(context, image);
}

async function deploy(context: PlatformContext): Promise<string> {
  const name = serviceName(context);
  const present = await readService(await context.host.docker(), name);
  if (present === null) throw missingService(context, name);
  requireOurs(context, present);
  if (present.Spec.Mode.Replicated?.Replicas === 0 && !isRetired(present.Spec))
    throw refused({ ...sentenceFor('no-replicas', name), where: placeOf(context), why: null });
  const { Image: current } = present.Spec.TaskTemplate.ContainerSpec;
  const image = requireReleaseImage(context, `service ${name}`, current);
  const auth = await requireImage(context, image);
  context.progress(`${name} to ${image}`);
  const { service } = await writeService(context, name, {
    auth,
    change: ({ Spec: spec }) => {
      if (sameImage(spec.TaskTemplate.ContainerSpec.Image, image) && !isRetired(spec)) return null;
      return deployedSpec(context, spec, image);
    },
  });
  return await awaitConvergence(context, [{ id: service.ID, name, image, mayBeEmpty: false }]);
}

/** The present spec with our image and labels; a retired colour gets its replicas back. */
function deployedSpec(context: PlatformContext, spec: ServiceSpec, image: string): ServiceSpec {
  const { [REPLICAS_LABEL]: replicas, ...labels } = claimedLabels(context, spec);
  const revived =
    isRetired(spec) && replicas !== undefined ? { ...spec, Mode: withReplicas(Number(replicas)) } : spec;
  return { ...withImage(revived, image), Labels: labels };
}

function isRetired(spec: ServiceSpec): boolean {
  return spec.Mode.Replicated?.Replicas === 0 && spec.Labels?.[REPLICAS_LABEL] !== undefined;
}

function withReplicas(count: number): ServiceSpec['Mode'] {
  return { Replicated: { Replicas: count } };
}

async function undo(context: PlatformContext, recorded: unknown): Promise<UndoResult> {
  if (recorded === null) return { outcome: 'never-ran', note: 'nothing was recorded here' };
  const prior = priorSchema.parse(recorded);
  const docker = await context.host.docker();
  const auth = await findCredentials(context, registryOf(prior.image));
  let note = 'nothing had changed';
  const { service, written } = await writeService(context, prior.service, {
    auth,
    change: (present) => {
      const image = present.Spec.TaskTemplate.ContainerSpec.Image;
      const release = findReleaseImage(context, prior.spec.TaskTemplate.ContainerSpec.Image);
      const isOurs =
        release !== null &&
        sameImage(image, release) &&
        sameSpec(present.Spec, deployedSpec(context, prior.spec, image));
      const isPrior = isStill(image, prior) && sameSpec(present.Spec, withImage(prior.spec, image));
      if (!isOurs && !isPrior) throw strangersWork(context, prior, image);
      const status = present.UpdateStatus?.State ?? '';
      // After a rollback of Swarm's own the spec is right again; writing it once more clears the failed update.
      const swarmStopped = status.startsWith('rollback') || status === 'paused';
      if (swarmStopped && isPrior) note = 'Swarm had rolled it back by itself';
      if (isPrior && !swarmStopped && !isRevived(present.Spec, prior.spec)) return null;
      return restoredSpec(context, prior, present.Spec);
    },
  });
  const wrong = (await listTasks(docker, service.ID)).some(
    (task) => task.DesiredState === 'running' && !isStill(task.Spec.ContainerSpec?.Image ?? '', prior),
  );
  if (!written && !wrong) return { outcome: 'never-ran', note };
  const converged = await awaitConvergence(context, [
    {
      id: service.ID,
      name: prior.service,
      image: prior.image,
      mayBeEmpty: prior.spec.Mode.Replicated?.Replicas === 0,
    },
  ]);
  return { outcome: 'undone', note: `back on ${prior.image}: ${converged}` };
}

function isStill(image: string, prior: Prior): boolean {
  return sameImage(image, prior.image) || image === prior.spec.TaskTemplate.ContainerSpec.Image;
}

function isRevived(present: ServiceSpec, prior: ServiceSpec): boolean {
  return isRetired(prior) && !isRetired(present);
}

/** The recorded spec by digest; the scale somebody chose meanwhile stays theirs. */
function restoredSpec(context: PlatformContext, prior: Prior, present: ServiceSpec): ServiceSpec {
  const labels = claimedLabels(context, prior.spec);
  const mode = isRevived(present, prior.spec) ? prior.spec.Mode : present.Mode;
  return { ...withImage(prior.spec, prior.image), Labels: labels, Mode: mode };
}

function strangersWork(context: PlatformContext, prior: Prior, found: string): Error {
  return foreignHand({
    what: `service ${prior.service} is neither what this release wrote nor what was there before: it runs ${found}`,
    where: placeOf(context),
    why: `before: ${prior.image}`,
    wayOut: `see who changed it, then put it right by hand: docker service inspect --pretty ${prior.service}`,
  });
}

/** Scales to none and remembers the number, so that the next deploy into this colour gets it back. */
async function retire(context: PlatformContext, colour: Colour | null): Promise<UndoResult> {
  const name = serviceName(context, colour);
  const present = await readService(await context.host.docker(), name);
  if (present === null) return { outcome: 'never-ran', note: `there is no service ${name}` };
  const { service, written } = await writeService(context, name, {
    change: ({ Spec: spec }) => {
      const replicas = spec.Mode.Replicated?.Replicas;
      if (replicas === 0) return null;
      if (replicas === undefined || replicas === null) {
        throw refused({
          what: `service ${name} has no replicas to take away: it runs on every node`,
          where: placeOf(context),
          why: null,
          wayOut: 'use mode replicated for services of a colour',
        });
      }
      const labels = { ...claimedLabels(context, spec), [REPLICAS_LABEL]: String(replicas) };
      return { ...spec, Labels: labels, Mode: withReplicas(0) };
    },
  });
  const image = service.Spec.TaskTemplate.ContainerSpec.Image;
  await awaitConvergence(context, [{ id: service.ID, name, image, mayBeEmpty: true }]);
  return written
    ? { outcome: 'undone', note: `${name} scaled to 0` }
    : { outcome: 'never-ran', note: `${name} was at 0 already` };
}

async function observe(context: PlatformContext): Promise<string> {
  const docker = await context.host.docker();
  const service = await readService(docker, serviceName(context));
  if (service === null) return 'absent';
  const tasks = (await listTasks(docker, service.ID)).map(({ ID, Status }) => `${ID} ${Status.State}`);
  return [service.Spec.TaskTemplate.ContainerSpec.Image, service.UpdateStatus?.State, ...tasks.sort()].join(
    '\n',
  );
}
