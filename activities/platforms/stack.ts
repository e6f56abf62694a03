/** Platform `stack`: `docker stack deploy` of the file at the commit, one stack per colour, every service waited for. */
import type { Colour } from '../../pipeline/plan.js';
import type { PreflightFinding, UndoResult } from '../../workflows/activity-contract.js';
import { refused } from '../failure.js';
import { createSecrets, removeUnusedSecrets } from './docker-secrets.js';
import { lookAtRegistry } from './engine-preflight.js';
import { finding, lookAtHost } from './host-findings.js';
import { placeOf, runTool } from './host-question.js';
import { requireImage, requireWayBackTo, resolveDigest } from './image-availability.js';
import { digestOf } from './image-reference.js';
import { ownerOf } from '../hosts/owner.js';
import { platformPlan, type Platform, type PlatformContext } from './platform.js';
import { runTimeEnvironment, runTimeValues } from './run-time-values.js';
import { logsOfTasks, readNewLines, type EngineLog } from './new-log-lines.js';
import { readLogsOfAll } from './service-logs.js';
import { runStackDeploy, stackFiles } from './stack-deploy.js';
import { imagesOfRelease, overrideFor, readStackFile } from './stack-file.js';
import { priorSchema, restoreStack, strangersWork, type StackPrior } from './stack-restore.js';
import { labelOf, listThings, removeStack } from './stack-things.js';
import { awaitConvergence } from './swarm-convergence.js';
import { lookAtEngine } from './swarm-preflight.js';
import {
  claimService,
  FENCE_LABEL,
  listStack,
  listTasks,
  OWNER_LABEL,
  requireOurs,
  type Service,
} from './swarm-service.js';

export const stack: Platform = {
  preflight,
  claim: async (context) => {
    for (const service of await ownServices(context, stackName(context)))
      await claimService(context, service.Spec.Name);
  },
  recordPrior,
  proveWayBack,
  deploy,
  undo: (context, recorded) =>
    recorded === null
      ? remove(context, stackName(context))
      : restoreStack(context, priorSchema.parse(recorded)),
  retire: (context, colour) => remove(context, stackName(context, colour)),
  observe,
  logs: async (context, lines) => {
    const docker = await context.host.docker();
    const services = await listStack(docker, stackName(context));
    return await readLogsOfAll(
      docker,
      services.map(({ ID: id, Spec }) => ({ name: Spec.Name, what: `services/${id}` })),
      lines,
    );
  },
  newLogs: async (context, from) => {
    const docker = await context.host.docker();
    const logs: EngineLog[] = [];
    for (const service of await listStack(docker, stackName(context)))
      logs.push(...logsOfTasks(service, await listTasks(docker, service.ID)));
    return await readNewLines(docker, logs, from);
  },
};

function stackName(context: PlatformContext, colour: Colour | null = context.target.colour): string {
  return platformPlan(context, 'stack').names[colour ?? 'live'];
}

function placeOfFile(context: PlatformContext): string {
  return `${context.target.plan.name} stack file of ${stackName(context)}`;
}

/** Environment the stack file is filled in with. */
function environmentOf(context: PlatformContext): Record<string, string> {
  const { target } = context;
  return { ...context.env, ...runTimeEnvironment(runTimeValues(target), `${target.plan.name} stack`) };
}

async function preflight(context: PlatformContext): Promise<PreflightFinding[]> {
  const engine = await lookAtEngine(context);
  if (engine.dataFolder === null)
    return [...engine.findings, ...(await lookAtHost(context, { dataFolder: '/', ownPorts: [] }))];
  const name = stackName(context);
  const services = await listStack(await context.host.docker(), name);
  const ownPorts = services.flatMap(({ Endpoint: endpoint }) =>
    (endpoint?.Ports ?? []).flatMap(({ PublishedPort: port }) => port ?? []),
  );
  return [
    ...engine.findings,
    lookAtStack(context, name, services),
    lookAtFile(context),
    ...(await lookAtRegistry(context)),
    ...(await lookAtHost(context, { dataFolder: engine.dataFolder, ownPorts })),
  ];
}

function lookAtStack(context: PlatformContext, name: string, services: Service[]): PreflightFinding {
  const thing = `stack ${name}`;
  const foreign = services.find(({ Spec }) => Spec.Labels?.[OWNER_LABEL] !== ownerOf(context.fence));
  if (foreign !== undefined)
    return finding(context, thing, 'problem', sayForeign(foreign), adoptionLine(context, services));
  return finding(context, thing, 'ok', services.length === 0 ? 'not there yet' : 'ours');
}

function lookAtFile(context: PlatformContext): PreflightFinding {
  const file = readStackFile(
    platformPlan(context, 'stack').files[context.target.colour ?? 'live'],
    placeOfFile(context),
  );
  // Before the build there are no images to look for in it.
  if (context.target.artifacts.length > 0)
    imagesOfRelease(file, context.target.artifacts, environmentOf(context), placeOfFile(context));
  return finding(context, 'stack file', 'ok', `${file.services.length} services`);
}

/** Services of the stack, all ours. Throws Refused for another's stack, StaleFence for a newer change's. */
async function ownServices(context: PlatformContext, name: string): Promise<Service[]> {
  const services = await listStack(await context.host.docker(), name);
  for (const service of services) {
    requireOurs(context, service);
    if (service.Spec.Labels?.[OWNER_LABEL] === undefined) {
      throw refused({
        what: `stack ${name} is there already and is not ours: ${sayForeign(service)}`,
        where: placeOf(context),
        why: null,
        wayOut: adoptionLine(context, services),
      });
    }
  }
  return services;
}

function sayForeign({ Spec: { Name: name, Labels: labels } }: Service): string {
  const owner = labels?.[OWNER_LABEL];
  return owner === undefined ? `service ${name} has no owner label` : `service ${name} belongs to ${owner}`;
}

function adoptionLine(context: PlatformContext, services: Service[]): string {
  const lines = services.map(
    ({ Spec }) => `docker service update --label-add ${OWNER_LABEL}=${ownerOf(context.fence)} ${Spec.Name}`,
  );
  return `choose another name:, or hand it over: ${lines.join('; ')}`;
}

async function recordPrior(context: PlatformContext): Promise<StackPrior | null> {
  const name = stackName(context);
  const services = await ownServices(context, name);
  if (services.length === 0) return null;
  const files = await stackFiles(context, name);
  const recorded: StackPrior['services'] = [];
  for (const { Spec: spec } of services) {
    const named = spec.TaskTemplate.ContainerSpec.Image;
    const image = digestOf(named) === null ? ((await resolveDigest(context, named)) ?? named) : named;
    recorded.push({ image, spec });
  }
  const things = await listThings(await context.host.docker(), name);
  return {
    kind: 'stack',
    name,
    file: await context.host.readFile(files.stack),
    services: recorded,
    things: things.map(labelOf),
  };
}

async function proveWayBack(context: PlatformContext, recorded: unknown): Promise<string> {
  if (recorded === null) return `stack ${stackName(context)} is not there yet: undo removes it again`;
  const { services } = priorSchema.parse(recorded);
  for (const { image } of services) await requireWayBackTo(context, image);
  return services.map(({ spec, image }) => `${spec.Name} on ${image}`).join(', ');
}

async function deploy(context: PlatformContext): Promise<string> {
  const name = stackName(context);
  const where = placeOfFile(context);
  const text = platformPlan(context, 'stack').files[context.target.colour ?? 'live'];
  const file = readStackFile(text, where);
  const env = environmentOf(context);
  const images = imagesOfRelease(file, context.target.artifacts, env, where);
  await ownServices(context, name);
  for (const image of new Set(Object.values(images))) await requireImage(context, image);

  const secrets = await createSecrets(context, context.dockerSecrets);
  const labels = { [FENCE_LABEL]: String(context.target.token), [OWNER_LABEL]: ownerOf(context.fence) };
  const files = await stackFiles(context, name);
  const { fence } = context;
  await runTool(context, ['mkdir', '-p', '-m', '700', files.folder]);
  await context.host.writeFile(files.stack, text, { mode: 0o600, fence });
  const override = overrideFor(file, labels, images, secrets);
  await context.host.writeFile(files.override, override, { mode: 0o600, fence });
  await runStackDeploy(context, name, files, env);

  const services = await ownServices(context, name);
  return await awaitConvergence(
    context,
    services.map(({ ID: id, Spec: spec }) => ({
      id,
      name: spec.Name,
      image: images[spec.Name.slice(name.length + 1)] ?? spec.TaskTemplate.ContainerSpec.Image,
      mayBeEmpty: false,
    })),
  );
}

/** Takes a stack of ours away; volumes stay. */
async function remove(context: PlatformContext, name: string): Promise<UndoResult> {
  const docker = await context.host.docker();
  const services = await listStack(docker, name);
  const foreign = services.find(({ Spec }) => Spec.Labels?.[OWNER_LABEL] !== ownerOf(context.fence));
  if (foreign !== undefined) throw strangersWork(context, foreign);
  for (const service of services) requireOurs(context, service);
  const things = await listThings(docker, name);
  const files = await stackFiles(context, name);
  await runTool(context, ['rm', '-rf', '--', files.folder]);
  if (services.length === 0 && things.length === 0) {
    await removeUnusedSecrets(context);
    return { outcome: 'never-ran', note: `there is no stack ${name}` };
  }
  await removeStack(context, name);
  await removeUnusedSecrets(context);
  return { outcome: 'undone', note: `stack ${name} removed, its volumes kept` };
}

async function observe(context: PlatformContext): Promise<string> {
  const docker = await context.host.docker();
  const lines: string[] = [];
  for (const { ID: id, Spec: spec, UpdateStatus: update } of await listStack(docker, stackName(context))) {
    lines.push(`${spec.Name} ${spec.TaskTemplate.ContainerSpec.Image} ${update?.State ?? ''}`);
    for (const task of await listTasks(docker, id)) lines.push(`${task.ID} ${task.Status.State}`);
  }
  return lines.sort().join('\n') || 'absent';
}
