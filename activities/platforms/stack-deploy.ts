/** `docker stack deploy` on the host: its files, its credentials, its journalled run. Convergence is stack.ts's. */
import { badInput } from '../failure.js';
import { requireSuccess, runDockerCommand } from './docker-command.js';
import { homeOf, placeOf } from './host-question.js';
import type { PlatformContext } from './platform.js';

export interface StackFiles {
  folder: string;
  /** The team's text, as it is in git. */
  stack: string;
  /** Ours, on top of it. */
  override: string;
}

/** The command itself is quick; pulling and starting happen afterwards. */
const COMMAND_TIMEOUT_MS = 300_000;

/** Where the files of a stack live: beside the journals, in the ssh user's home. */
export async function stackFiles(context: PlatformContext, stack: string): Promise<StackFiles> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(stack))
    throw badInput({
      what: `${JSON.stringify(stack)} is no name of a stack`,
      where: placeOf(context),
      why: null,
      wayOut: 'use letters, digits, - and _ in platform.name',
    });
  const folder = `${await homeOf(context)}/.slipway/stacks/${stack}`;
  return { folder, stack: `${folder}/stack.yml`, override: `${folder}/slipway.yml` };
}

export function stackDeployArgv(stack: string, files: StackFiles): string[] {
  return [
    'docker',
    'stack',
    'deploy',
    '--compose-file',
    files.stack,
    '--compose-file',
    files.override,
    '--with-registry-auth',
    // Images of others stay what they are until their line in the file changes.
    '--resolve-image=changed',
    '--prune',
    stack,
  ];
}

/** Runs it; throws Refused with what it said, or an error to be retried when nobody knows how it ended. */
export async function runStackDeploy(
  context: PlatformContext,
  stack: string,
  files: StackFiles,
  env: Record<string, string>,
): Promise<void> {
  const result = await runDockerCommand(context, {
    argv: stackDeployArgv(stack, files),
    env,
    timeoutMs: COMMAND_TIMEOUT_MS,
    step: `stack-${stack}`,
    notes: files.folder,
  });
  requireSuccess(context, result, `docker stack deploy ${stack}`);
}
