/** What must be true of a host and its project folder before anything is started there. Read only. */
import { ApplicationFailure } from '@temporalio/common';
import type { PreflightFinding } from '../../workflows/activity-contract.js';
import { listProject, type ComposeContainer } from './compose-containers.js';
import { STABLE_FOR_MS } from './compose-convergence.js';
import {
  imagesOfRelease,
  isChosen,
  neededBeside,
  publishedPorts,
  sayImages,
  wantedServices,
  withoutHealthcheck,
  type ComposeModel,
} from './compose-model.js';
import {
  missingVariables,
  NOT_BUILT,
  placeOfProject,
  renderProject,
  requireOurs,
  sayUnset,
  unsetWayOut,
  type ComposePlace,
} from './compose-project.js';
import { lookAtDocker, lookAtRegistry } from './engine-preflight.js';
import { FAILURE } from '../../workflows/failures.js';
import { detailsOf } from '../failure.js';
import { finding, lookAtHost } from './host-findings.js';
import type { PlatformContext } from './platform.js';

export async function lookAtCompose(context: PlatformContext): Promise<PreflightFinding[]> {
  const place = await placeOfProject(context);
  const [engine, rendering] = await Promise.all([lookAtDocker(context), renderProject(context, place)]);
  const filesIn = place.folder;
  if (engine.info === null)
    return [...engine.findings, ...(await lookAtHost(context, { dataFolder: '/', ownPorts: [], filesIn }))];
  const dataFolder = engine.info.DockerRootDir;
  const registry = await lookAtRegistry(context);
  if (!rendering.ok) {
    const said = rendering.why === null || rendering.why === rendering.what ? '' : `: ${rendering.why}`;
    const problem = finding(context, 'compose file', 'problem', `${rendering.what}${said}`, rendering.wayOut);
    const host = await lookAtHost(context, { dataFolder, ownPorts: [], filesIn });
    return [...engine.findings, problem, ...registry, ...host];
  }
  const { model } = rendering;
  const containers = await listProject(await context.host.docker(), model.name);
  const unset = missingVariables(context, rendering.unset);
  return [
    ...engine.findings,
    lookAtProject(context, place, model.name, containers),
    ...(unset.length === 0
      ? []
      : [finding(context, 'compose file', 'problem', sayUnset(unset), unsetWayOut(unset))]),
    ...lookAtServices(context, place, model, rendering.unset),
    ...lookAtNeeds(context, place, model, containers),
    ...registry,
    ...(await lookAtHost(context, {
      ...{ dataFolder, filesIn },
      ports: publishedPorts(model, place.services),
      ownPorts: containers.flatMap(({ ports }) => ports),
    })),
  ];
}

function lookAtProject(
  context: PlatformContext,
  place: ComposePlace,
  name: string,
  containers: ComposeContainer[],
): PreflightFinding {
  const thing = `project ${name}`;
  try {
    requireOurs(context, place, name, containers);
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) throw error;
    const { what = error.message, wayOut = null } = detailsOf(error) ?? {};
    // that a newer change has it is for the claim to say
    if (error.type !== FAILURE.staleFence) return finding(context, thing, 'problem', what, wayOut);
  }
  return finding(context, thing, 'ok', containers.length === 0 ? 'not there yet' : 'there');
}

function lookAtServices(
  context: PlatformContext,
  { services }: ComposePlace,
  model: ComposeModel,
  unset: string[],
): PreflightFinding[] {
  const { images, stale } = imagesOfRelease(model, artifactsOf(context));
  const running = Object.keys(images).filter((service) => isChosen(services, service));
  // before the build nobody knows which variables there will be
  const mayBe = context.target.artifacts.length === 0 && unset.some((name) => name.startsWith('IMAGE_TAG_'));
  const image = 'write image: REPOSITORY:${IMAGE_TAG} in the compose file';
  const found =
    running.length > 0 || mayBe
      ? finding(context, 'compose file', 'ok', `${wantedServices(model, services).length} services`)
      : finding(
          context,
          'compose file',
          'problem',
          `no service would run this release (${sayImages(model)})`,
          image,
        );
  return [
    found,
    ...stale
      .filter((service) => isChosen(services, service))
      .map((service) =>
        finding(
          context,
          `service ${service}`,
          'warning',
          'names the repository of this release without ${IMAGE_TAG}, and would stay as it is',
          image,
        ),
      ),
    ...withoutHealthcheck(model, services)
      .filter((service) => running.includes(service))
      .map((service) =>
        finding(
          context,
          `service ${service}`,
          'warning',
          `has no healthcheck in the compose file: unless its image has one, it counts as started after ${STABLE_FOR_MS / 1000} s without an end`,
          'add healthcheck: to it, so that a release that starts and does not work is seen',
        ),
      ),
  ];
}

function artifactsOf({ target }: PlatformContext): PlatformContext['target']['artifacts'] {
  if (target.artifacts.length > 0) return target.artifacts;
  return [{ name: 'not-built', kind: 'image', repository: '', digest: NOT_BUILT }];
}

/** Named services come alone, so what they need has to run. */
function lookAtNeeds(
  context: PlatformContext,
  { services }: ComposePlace,
  model: ComposeModel,
  containers: ComposeContainer[],
): PreflightFinding[] {
  const isThere = (service: string): boolean =>
    containers.some((each) => each.service === service && (each.state === 'running' || each.exitCode === 0));
  return neededBeside(model, services)
    .filter(({ needs }) => !isThere(needs))
    .map(({ service, needs }) =>
      finding(
        context,
        `service ${needs}`,
        'problem',
        `${service} needs it, and it does not run`,
        `start it once: docker compose up --detach ${needs}, or name it under services:`,
      ),
    );
}
