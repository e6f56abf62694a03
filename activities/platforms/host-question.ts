/** Short questions to a host: read only, answered in seconds. */
import type { EnvironmentPlan } from '../../pipeline/plan.js';
import type { CommandResult } from '../hosts/host.js';
import type { PlatformContext } from './platform.js';

const QUESTION_TIMEOUT_MS = 30_000;

/** Where a plan names none: never whatever a kubeconfig happens to say, which no policy sees. */
export const DEFAULT_NAMESPACE = 'default';

/** Any exit code is an answer; an outcome nobody knows is thrown, so that Temporal asks again. */
export async function runTool(
  context: PlatformContext,
  argv: string[],
  stdin?: string,
): Promise<CommandResult> {
  const result = await context.host.run({
    argv,
    timeoutMs: QUESTION_TIMEOUT_MS,
    ...(stdin === undefined ? {} : { stdin }),
  });
  if (result.exitCode === null && result.signal === null)
    throw new Error(
      `${context.host.name}: no answer to ${argv[0] ?? 'a command'}${result.timedOut ? ' in time' : ''}`,
    );
  return result;
}

/** `prod host web-2`, or `prod namespace web` of a cluster: how every message names the place. */
export function placeOf({ target: { plan }, host }: PlatformContext): string {
  return nameOfPlace(plan, host.name);
}

export function nameOfPlace({ name, platform }: EnvironmentPlan, host: string): string {
  return 'namespace' in platform
    ? `${name} namespace ${platform.namespace ?? DEFAULT_NAMESPACE}`
    : `${name} host ${host}`;
}
