/** A team's command on its database, on one host: journalled there, ended with all it started when its time is over. */
import { DATABASE_COMMAND_MS } from '../../workflows/database-state.js';
import type { CommandResult } from '../hosts/host.js';
import { lastLine } from '../hosts/tail.js';
import { refused } from '../failure.js';
import { folderOfProject } from '../platforms/compose-project.js';
import { placeOf } from '../platforms/host-question.js';
import type { PlatformContext } from '../platforms/platform.js';
import {
  renderCommand,
  runTimeEnvironment,
  runTimeValues,
  type RunTimeValues,
} from '../platforms/run-time-values.js';
import { requireSuccess } from '../platforms/docker-command.js';
import { buildEndArgv, nameOfOneOff, prepareOneOff, type ContainerCommand } from './one-off.js';
import type { TeamCommand } from '../platforms/team-command.js';
import { readRevision } from './revision.js';

export type DatabaseStep = 'backup' | 'prove' | 'migrate' | 'contract' | 'revert' | 'restore';
type Given = Partial<Pick<RunTimeValues, 'backup' | 'previous-revision'>>;

const QUESTION_TIMEOUT_MS = 60_000;

/** The last line of what it printed. Throws Refused unless it is known to have worked. */
export async function runOnDatabase(
  context: PlatformContext,
  step: DatabaseStep,
  template: string,
  { given = {}, wayOut }: { given?: Given; /** When it says no. */ wayOut?: string } = {},
): Promise<string> {
  const { database } = context.target.plan;
  const timeoutMs = database?.timeoutMs ?? DATABASE_COMMAND_MS;
  const asked = { given, name: nameOfOneOff(context) };
  const result = await withCommand(context, step, { template, ...asked }, (command) =>
    context.host.runLong({
      ...command,
      ...{ timeoutMs, fence: context.fence, signal: context.signal },
      operationId: context.operationId(`database-${step}`),
      onProgress: ({ tail }) => context.progress(lastLine(tail)),
    }),
  );
  // the client in front of a container is ended, the container must be told as well
  const hasEnded = result.exitCode !== null || result.timedOut || result.cancelled;
  if (hasEnded && result.exitCode !== 0) await endOneOff(context);
  requireSuccess(context, result, `the database's ${step} command`, wayOut);
  return lastLine(result.stdout);
}

/** Where the database is. Throws Refused when `current` says no, an Error when it could not be asked. */
export async function askRevision(context: PlatformContext, current: string): Promise<string> {
  const asked = { template: current, given: {}, name: null };
  const result = await withCommand(context, 'current', asked, (command) =>
    context.host.run({ ...command, timeoutMs: QUESTION_TIMEOUT_MS }),
  );
  if (result.exitCode === null)
    throw new Error(`${placeOf(context)}: current has not answered${result.timedOut ? ' in time' : ''}`);
  if (result.exitCode !== 0) throw noRevision(context, result);
  return readRevision(result.stdout);
}

/** Ends what an earlier command has left in a container; without `inside` the host's journal does. */
export async function endOneOff(context: PlatformContext): Promise<void> {
  if ((context.target.plan.database?.inside ?? null) === null) return;
  const argv = buildEndArgv(nameOfOneOff(context));
  // exits 1 where there is none
  await context.host.run({ argv, timeoutMs: QUESTION_TIMEOUT_MS, fence: context.fence });
}

async function withCommand<T>(
  context: PlatformContext,
  step: string,
  { template, given, name }: { template: string; given: Given; name: string | null },
  work: (command: ContainerCommand | TeamCommand) => Promise<T>,
): Promise<T> {
  const { target } = context;
  const where = `${target.plan.name} database.${step}`;
  const values = { ...runTimeValues(target), ...given };
  const text = renderCommand(template, values, where);
  const env = { ...context.env, ...runTimeEnvironment(values, where) };
  const inside = target.plan.database?.inside ?? null;
  if (inside !== null) return await work(await prepareOneOff(context, inside, { name, text, env }));
  return await context.teamCommand(text, env, (command) => work({ ...command, ...folderOf(context) }));
}

/** A compose project's commands are written for its folder; of two colours, the one that is surely there. */
function folderOf({ target: { plan, live, colour } }: PlatformContext): { cwd?: string } {
  const { platform, database } = plan;
  if (platform.kind !== 'compose' || database?.inside !== null) return {};
  return { cwd: folderOfProject(platform.folder, live?.colour ?? colour) };
}

function noRevision(context: PlatformContext, result: CommandResult): Error {
  return refused({
    what: `the database's current command exited ${result.exitCode}`,
    where: placeOf(context),
    why: `${result.stdout}\n${result.stderr}`.trim().slice(-2_048),
    wayOut: 'correct what it says; slipway asks it where the database is before anything is done to it',
  });
}
