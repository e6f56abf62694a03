/** Runs `docker compose` where it writes, journalled under the fence, and says by name why it did not work. */
import { refused } from '../failure.js';
import type { CommandResult } from '../hosts/host.js';
import {
  nameUpFailure,
  removeArgv,
  upAnywayArgv,
  type ComposeProject,
  type UpFailure,
} from './compose-commands.js';
import { evidenceOf } from './compose-convergence.js';
import { listProject } from './compose-containers.js';
import { environmentOf } from './compose-project.js';
import { requireSuccess, runDockerCommand } from './docker-command.js';
import { isKeptByDocker, KEPT_BY_DOCKER } from './host-ports.js';
import { placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';

export interface Run {
  project: ComposeProject & { name: string };
  notes: string;
  /** Names the operation among those of this change. */
  step: string;
  timeoutMs: number;
}

/** Creates and starts what is not as the file says; what is stays untouched. Throws Refused with the cause. */
export async function runUp(context: PlatformContext, run: Run): Promise<void> {
  const result = await runCompose(context, run, upAnywayArgv(run.project));
  if (result.exitCode === 0 || result.exitCode === null) {
    requireSuccess(context, result, 'docker compose up');
    return;
  }
  const said = `${result.stdout}\n${result.stderr}`.trim();
  const failure = nameUpFailure(said);
  if (failure === null) {
    requireSuccess(context, result, 'docker compose up');
    return;
  }
  const docker = await context.host.docker();
  const about =
    failure.container === null
      ? undefined
      : (await listProject(docker, run.project.name)).find(({ name }) => name === failure.container);
  const { what, wayOut } = await whoHasThePort(context, failure);
  throw refused({
    what,
    where: placeOf(context),
    why: (about === undefined ? null : await evidenceOf(context, docker, about)) ?? said,
    wayOut,
  });
}

async function whoHasThePort(
  context: PlatformContext,
  failure: UpFailure,
): Promise<{ what: string; wayOut: string }> {
  if (failure.port === undefined || !(await isKeptByDocker(context, failure.port))) return failure;
  return { what: `${failure.what}: ${KEPT_BY_DOCKER.what}`, wayOut: KEPT_BY_DOCKER.wayOut };
}

/** Ends and removes the project's containers, volumes kept. */
export async function runRemove(context: PlatformContext, run: Run): Promise<void> {
  requireSuccess(context, await runCompose(context, run, removeArgv(run.project)), 'docker compose down');
}

async function runCompose(
  context: PlatformContext,
  { notes, step, timeoutMs }: Run,
  argv: string[],
): Promise<CommandResult> {
  return await runDockerCommand(context, { argv, env: environmentOf(context), timeoutMs, step, notes });
}
