/** A docker CLI command that writes: journalled on the host, with the pipeline's own login where it has one. */
import { refused } from '../failure.js';
import type { CommandResult } from '../hosts/host.js';
import { lastLine } from '../hosts/tail.js';
import { callEngine } from './engine.js';
import { placeOf, runTool } from './host-question.js';
import type { PlatformContext } from './platform.js';
import { readHostLogin, throwawayConfig } from './registry-credentials.js';

export interface DockerCommand {
  argv: string[];
  env: Record<string, string>;
  cwd?: string;
  timeoutMs: number;
  /** Names the operation among those of this change. */
  step: string;
  /** Folder of ours on the host: the login is written into it, and taken away again. */
  notes: string;
}

/** Said by the client, about its own socket: the engine went away under it. Not what a registry does to the engine. */
const ENGINE_LEFT =
  /error during connect: |Cannot connect to the Docker daemon|failed to connect to the docker API|@->\S*docker\.sock: /;
/** An engine that answers us and never the client is asked no more. */
const STARTED_AT_MOST = 5;

/**
 * Started once per step: whoever asks again follows the same run. Any end of it is a result, but for an engine that went
 * away in the middle: that is no answer, so it is started again when the engine is back. Throws while it is not.
 */
export async function runDockerCommand(
  context: PlatformContext,
  command: DockerCommand,
): Promise<CommandResult> {
  for (let again = 1; ; again += 1) {
    const step = again === 1 ? command.step : `${command.step}-${again}`;
    const result = await runOnce(context, { ...command, step });
    const hasAnswer = result.exitCode === null || result.exitCode === 0 || again === STARTED_AT_MOST;
    if (hasAnswer || !ENGINE_LEFT.test(`${result.stdout}\n${result.stderr}`)) return result;
    context.signal.throwIfAborted();
    await callEngine(await context.host.docker(), { method: 'GET', path: '/version' });
  }
}

async function runOnce(
  context: PlatformContext,
  { step, notes, env, ...command }: DockerCommand,
): Promise<CommandResult> {
  const operationId = context.operationId(step);
  const login = await writeThrowawayLogin(context, notes, operationId);
  const result = await context.host.runLong({
    ...command,
    env: { ...env, ...(login === null ? {} : { DOCKER_CONFIG: login }) },
    fence: context.fence,
    operationId,
    signal: context.signal,
    onProgress: ({ tail }) => context.progress(lastLine(tail)),
  });
  // A detached command may still read it; whoever comes next writes it again and takes it away.
  if (login !== null && !context.signal.aborted) await runTool(context, ['rm', '-rf', '--', login]);
  return result;
}

/** Throws unless the command is known to have worked. */
export function requireSuccess(
  context: PlatformContext,
  result: CommandResult,
  what: string,
  wayOut = 'correct what it says, then release again',
): void {
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
    wayOut,
  });
}

/** A docker config with the pipeline's login for this one command; null = the user's own is used. */
async function writeThrowawayLogin(
  context: PlatformContext,
  notes: string,
  operationId: string,
): Promise<string | null> {
  if (context.registryLogin === null) return null;
  const folder = `${notes}/login-${operationId}`;
  const { config, path } = await readHostLogin(context);
  // plugins that are the user's own lie beside the config that is put aside here
  const script = 'mkdir -p -m 700 "$1" && { [ ! -d "$2" ] || ln -sfn "$2" "$1/cli-plugins"; }';
  const plugins = path.replace(/config\.json$/, 'cli-plugins');
  await runTool(context, ['sh', '-c', script, 'sh', folder, plugins]);
  await context.host.writeFile(`${folder}/config.json`, throwawayConfig(config, context.registryLogin), {
    mode: 0o600,
    fence: context.fence,
  });
  return folder;
}
