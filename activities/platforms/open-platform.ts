/** A plan's platform on each place it runs at, with everything a driver needs. */
import { placesOfPlan } from '../../pipeline/places-of-plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import type { Target } from '../../workflows/activity-contract.js';
import { commandEnvironment } from '../command-environment.js';
import { fenceFor } from '../fence-for.js';
import type { Fence, Hosts } from '../hosts/host.js';
import { clusterOf } from '../kubernetes/access.js';
import type { JobUsers } from '../job-user/job-users.js';
import { withCheckout } from '../source/checkout.js';
import type { Source } from '../source/source.js';
import { isReference, type Secrets } from '../secrets/secrets.js';
import { platformFor } from './platform-for.js';
import { teamCommands } from './team-command.js';
import type { LogsFrom, NewLogs, Platform, PlatformContext } from './platform.js';

export interface PlatformDependencies {
  hosts: Hosts;
  source: Source;
  secrets: Secrets;
  /** Who runs a team's commands on the worker; null = the worker's own user. */
  jobUserOf: JobUsers['ofEnvironment'];
  /** Registries without TLS, beside loopback. */
  insecureRegistries: readonly string[];
}

/** How the activity around it is stopped, heard of and named. */
export type PlatformManners = Pick<PlatformContext, 'progress' | 'signal' | 'operationId'> &
  Pick<Fence, 'way'>;

/** Where the platform acts: its hosts, the worker for commands that run there, or a cluster that the worker speaks to. */
export function placesOf({ plan }: Target): HostPlan[] {
  return placesOfPlan(plan);
}

/** Connects to one place. Throws what opening the host or resolving its secrets throws. */
export async function openPlatform(
  { hosts, secrets, source, jobUserOf, insecureRegistries }: PlatformDependencies,
  target: Target,
  place: HostPlan,
  { way, ...manners }: PlatformManners,
): Promise<{ platform: Platform; context: PlatformContext }> {
  const { plan, colour } = target;
  const { registry } = plan;
  const dockerSecrets: Record<string, string> = {};
  for (const [name, reference] of Object.entries(plan.dockerSecrets))
    dockerSecrets[name] = await secrets.resolve(reference);
  // Where hosts must have a login of their own, the worker's, which may push, is not sent to them.
  const registryLogin =
    registry === null || plan.preflight.registryLogin
      ? null
      : {
          server: registry.server,
          username: isReference(registry.username)
            ? await secrets.resolve(registry.username, 'name')
            : registry.username,
          password: await secrets.resolve(registry.password),
        };
  const [host, env] = await Promise.all([
    hosts.open(plan, place),
    commandEnvironment(target, colour, secrets),
  ]);
  return {
    platform: platformFor(plan.platform),
    context: {
      ...{ host, target, env, dockerSecrets, registryLogin, insecureRegistries, ...manners },
      cluster: clusterOf(plan.name, plan.platform, secrets),
      checkout: checkoutOf(source, target, manners.signal),
      teamCommand: teamCommands({ source, jobUserOf }, target, manners.signal),
      fence: fenceFor(target, way),
      operationId: (step) => `${target.token}-${manners.operationId(step)}`,
    },
  };
}

/** The target's commit, for what reads files of it on the worker. */
export function checkoutOf(
  source: Source,
  { plan, commit: { sha: commit } }: Target,
  signal: AbortSignal,
): PlatformContext['checkout'] {
  return async (work) => {
    const mirror = await source.fetchCommit(plan.repository.url, commit, signal);
    return await withCheckout({ mirror, commit, user: null, signal }, ({ folder }) => work(folder));
  };
}

/** Of who only looks. */
export const LOOKING: PlatformManners = {
  progress: () => {},
  signal: new AbortController().signal,
  operationId: (step) => step,
};

/** Of one place: lines unscrubbed, for whoever counts them. */
export type ReadNewLogs = (
  target: Target,
  colour: Target['colour'],
  from: (place: string) => LogsFrom,
) => Promise<(NewLogs & { place: string })[]>;

/** New lines per place. Rejects when a place cannot be asked. */
export function createNewLogs(dependencies: PlatformDependencies): ReadNewLogs {
  return async (target, colour, from) =>
    await Promise.all(
      placesOf(target).map(async (place) => {
        const { platform, context } = await openPlatform(dependencies, { ...target, colour }, place, LOOKING);
        return { place: place.name, ...(await platform.newLogs(context, from(place.name))) };
      }),
    );
}

/** Tail of what the environment's own processes wrote, per place; `colour` null = without colours. */
export function createServiceLog(
  dependencies: PlatformDependencies,
): (target: Target, colour: Target['colour'], lines?: number) => Promise<string> {
  return async (target, colour, lines = target.plan.logTail) => {
    const texts: string[] = [];
    for (const place of placesOf(target)) {
      const { platform, context } = await openPlatform(dependencies, { ...target, colour }, place, LOOKING);
      texts.push(dependencies.secrets.scrub(await platform.logs(context, lines)));
    }
    return texts.filter((text) => text !== '').join('\n');
  };
}
