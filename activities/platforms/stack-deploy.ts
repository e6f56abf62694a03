/** `docker stack deploy` on the host: its files, its credentials, its journalled run. Convergence is stack.ts's. */
import type { CommandResult } from '../hosts/host.js';
import { lastLine } from '../hosts/tail.js';
import { badInput, refused } from '../failure.js';
import { placeOf, runTool } from './host-question.js';
import type { PlatformContext } from './platform.js';
import { readHostLogin, throwawayConfig } from './registry-credentials.js';

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
  const { stdout } = await runTool(context, ['sh', '-c', 'echo "$HOME"']);
  const folder = `${stdout.trim()}/.slipway/stacks/${stack}`;
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
  const operationId = context.operationId(`stack-${stack}`);
  const login = await writeThrowawayLogin(context, files, operationId);
  const result = await context.host.runLong({
    argv: stackDeployArgv(stack, files),
    env: { ...env, ...(login === null ? {} : { DOCKER_CONFIG: login }) },
    timeoutMs: COMMAND_TIMEOUT_MS,
    fence: context.fence,
    operationId,
    signal: context.signal,
    onProgress: ({ tail }) => context.progress(lastLine(tail)),
  });
  // A detached command may still read it; whoever comes next writes it again and takes it away.
  if (login !== null && !context.signal.aborted) await runTool(context, ['rm', '-rf', '--', login]);
  requireSuccess(context, result, `docker stack deploy ${stack}`);
}

/** Throws unless the command is known to have worked. */
export function requireSuccess(context: PlatformContext, result: CommandResult, what: string): void {
  if (result.exitCode === 0) return;
  context.signal.throwIfAborted();
  const output = `${result.stdout}\n${result.stderr}`.trim();
  if (result.exitCode === null && !result.timedOut && !result.cancelled)
    throw new Error(`${placeOf(context)}: nobody knows how ${what} ended: ${output.slice(-300)}`);
  throw refused({
    what: result.timedOut
      ? `${what} was not done in ${Math.round(result.durationMs / 1000)} s`
      : result.cancelled
        ? `${what} was ended`
        : `${what} exited ${result.exitCode}${result.ranAs === undefined ? '' : `, run as ${result.ranAs}`}`,
    where: placeOf(context),
    why: output === '' ? null : output,
    wayOut: 'correct what it says, then release again',
  });
}

/** A docker config with the pipeline's login for this one command; null = the user's own is used. */
async function writeThrowawayLogin(
  context: PlatformContext,
  files: StackFiles,
  operationId: string,
): Promise<string | null> {
  if (context.registryLogin === null) return null;
  const folder = `${files.folder}/login-${operationId}`;
  const { config } = await readHostLogin(context);
  await runTool(context, ['mkdir', '-p', '-m', '700', folder]);
  await context.host.writeFile(`${folder}/config.json`, throwawayConfig(config, context.registryLogin), {
    mode: 0o600,
    fence: context.fence,
  });
  return folder;
}
