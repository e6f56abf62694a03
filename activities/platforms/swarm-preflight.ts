/** What must be true of a host before Swarm is asked for anything: engine, manager, registry login. Read only. */
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import type { PreflightFinding } from '../../workflows/activity-contract.js';
import { callEngine } from './engine.js';
import { finding } from './host-findings.js';
import { askRegistry, explainUnavailable, isOnHost, type Variants } from './image-availability.js';
import { canEmulate, explainUnfit, findRunners, type Runner } from './image-platform.js';
import { pinnedImage } from './image-reference.js';
import type { PlatformContext } from './platform.js';
import { findCredentials, loginCommand, readHostLogin, usernameAt } from './registry-credentials.js';

const infoSchema = z.looseObject({
  DockerRootDir: z.string(),
  ServerVersion: z.string(),
  Swarm: z.looseObject({ ControlAvailable: z.boolean(), LocalNodeState: z.string() }),
});

export interface EngineLook {
  findings: PreflightFinding[];
  /** null = the engine or the swarm cannot be asked, and nothing below it either. */
  dataFolder: string | null;
}

export async function lookAtEngine(context: PlatformContext): Promise<EngineLook> {
  let info: z.infer<typeof infoSchema>;
  try {
    info = infoSchema.parse(await callEngine(await context.host.docker(), { method: 'GET', path: '/info' }));
  } catch (error) {
    if (isConnectionLost(error)) throw error;
    const { user } = await readHostLogin(context);
    const said = error instanceof Error ? error.message : String(error);
    const wayOut = `start dockerd there, and put ${user} into the group docker`;
    return {
      findings: [finding(context, 'docker', 'problem', `user ${user} cannot reach Docker: ${said}`, wayOut)],
      dataFolder: null,
    };
  }
  const docker = finding(context, 'docker', 'ok', `engine ${info.ServerVersion}`);
  if (info.Swarm.ControlAvailable)
    return {
      findings: [docker, finding(context, 'swarm', 'ok', 'manager')],
      dataFolder: info.DockerRootDir,
    };
  const problem = finding(
    context,
    'swarm',
    'problem',
    `not a swarm manager (${info.Swarm.LocalNodeState})`,
    'name a manager under hosts:, or run there: docker swarm init',
  );
  return { findings: [docker, problem], dataFolder: null };
}

/** A connection that broke says nothing about Docker there: it is asked again, and no finding. */
function isConnectionLost(error: unknown): boolean {
  if (error instanceof ApplicationFailure) return error.nonRetryable !== true;
  return error instanceof Error && /^(connection lost|socket hang up)$/.test(error.message);
}

/** Can the engine get what this release will ask it for? The missing login is found here, not by a failed task. */
export async function lookAtRegistry(context: PlatformContext): Promise<PreflightFinding[]> {
  const { plan, artifacts } = context.target;
  const { registryLogin } = plan.preflight;
  const images = artifacts.filter((artifact) => artifact.kind === 'image').map(pinnedImage);
  if (images.length === 0) return registryLogin ? await lookAtLogin(context) : [];
  const runners = await findRunners(context);
  const findings: PreflightFinding[] = [];
  for (const image of images) {
    const found = await askRegistry(context, image);
    if (found.state === 'pullable') {
      const unfit = await lookAtVariants(context, image, found.variants, runners);
      const here = finding(context, `image ${image}`, 'ok', 'in the registry, and this host may pull it');
      findings.push(...(unfit !== null ? [unfit] : registryLogin ? [here] : []));
      continue;
    }
    if (!registryLogin) continue;
    const { what, wayOut } = await explainUnavailable(context, image, found);
    const isHere = found.state === 'unreachable' && (await isOnHost(context, image));
    findings.push(finding(context, `image ${image}`, isHere ? 'warning' : 'problem', what, wayOut));
  }
  return findings;
}

/** null = it runs there, as far as registry and engine know. */
async function lookAtVariants(
  context: PlatformContext,
  image: string,
  { platforms, isIndex }: Variants,
  runners: Runner[],
): Promise<PreflightFinding | null> {
  const unfit = explainUnfit(platforms, runners);
  if (unfit === null) return null;
  const { what, wayOut, everywhere } = unfit;
  const isHopeless = everywhere && (isIndex || !(await canEmulate(context, platforms)));
  return finding(context, `image ${image}`, isHopeless ? 'problem' : 'warning', what, wayOut);
}

/** Before anything is built there is no image to ask for, only a login to look for. */
async function lookAtLogin(context: PlatformContext): Promise<PreflightFinding[]> {
  const registry = context.target.plan.registry?.server;
  if (registry === undefined) return [];
  const thing = `login ${registry}`;
  if ((await findCredentials(context, registry)) !== null)
    return [finding(context, thing, 'ok', 'credentials are there')];
  const { user } = await readHostLogin(context);
  return [
    finding(
      context,
      thing,
      'problem',
      `no credentials for ${registry} for user ${user}`,
      `run there as ${user}: ${loginCommand(registry, usernameAt(context, registry))} (docs/hosts.md#registry-login)`,
    ),
  ];
}
