/** Platform `command`: a team's own deploy, inspect, restore and retire commands, journalled on the host or the worker. */
import { z } from 'zod';
import { LOG_SECONDS } from '../../pipeline/find-unsupported.js';
import type { Colour } from '../../pipeline/plan.js';
import type { PreflightFinding, UndoResult } from '../../workflows/activity-contract.js';
import { TAIL_BYTES } from '../hosts/command-text.js';
import type { CommandResult } from '../hosts/host.js';
import { lastLine } from '../hosts/tail.js';
import { foreignHand, isRefusal, refused } from '../failure.js';
import { finding, lookAtHost } from './host-findings.js';
import { placeOf, runTool } from './host-question.js';
import { findingsOfInspect, type Inspected } from './inspect-finding.js';
import {
  platformPlan,
  type LogsFrom,
  type NewLogs,
  type Platform,
  type PlatformContext,
} from './platform.js';
import {
  asPrevious,
  renderCommand,
  runTimeEnvironment,
  runTimeValues,
  type RunTimeValues,
} from './run-time-values.js';
import { requireSuccess } from './docker-command.js';
import { whyNotYet, type TeamCommand } from './team-command.js';

const QUESTION_TIMEOUT_MS = 60_000;

const priorSchema = z.object({
  kind: z.literal('command'),
  /** What inspect printed; null when there is no inspect. */
  inspected: z.string().nullable(),
});
type Prior = z.infer<typeof priorSchema>;

export const command: Platform = {
  preflight,
  // The host's own fence holds it: every run compares the token under the host's lock.
  claim: async () => {},
  recordPrior,
  proveWayBack,
  deploy,
  undo,
  retire,
  observe: async (context) => (await inspect(context)) ?? 'not inspected',
  logs: readLogs,
  newLogs: readNewLogs,
};

async function preflight(context: PlatformContext): Promise<PreflightFinding[]> {
  const { restore, retire: retireCommand, inspect: template } = platformPlan(context, 'command');
  const hasWayBack = restore !== null || retireCommand !== null || context.target.live !== null;
  const wayBack = hasWayBack
    ? finding(
        context,
        'restore',
        'ok',
        restore === null ? 'by deploying the release before' : 'by its restore command',
      )
    : finding(
        context,
        'restore',
        'warning',
        'a first release of these commands could not be undone',
        'add restore: or retire: to the platform',
      );
  const looking = look(context);
  const [looked, found] = await Promise.all([
    looking,
    ownPorts(context, looking).then((own) => lookAtHost(context, { dataFolder: '/', ownPorts: own })),
  ]);
  return [wayBack, ...findingsOfInspect(context, template, looked), ...found];
}

/** Where these commands have deployed before, the ports of the plan are the release's own. */
async function ownPorts(
  { target: { live, plan } }: PlatformContext,
  looking: Promise<Inspected | null>,
): Promise<number[]> {
  const { ports } = plan.preflight;
  if (live !== null || ports.length === 0) return ports;
  return ((await looking)?.printed ?? null) === null ? [] : ports;
}

/** null = there is no inspect, or nothing was released yet to ask it with. */
async function look(context: PlatformContext): Promise<Inspected | null> {
  const template = platformPlan(context, 'command').inspect;
  if (template === null || whyNotYet(context.target, template) !== null) return null;
  const { exitCode, timedOut, stdout, stderr } = await ask(context, template, 'inspect');
  if (exitCode === null)
    throw new Error(`${placeOf(context)}: inspect has not answered${timedOut ? ' in time' : ''}`);
  const output = stdout.trim();
  return {
    exitCode,
    printed: exitCode === 0 && output !== '' ? output : null,
    ended: exitCode === 0 ? 'printed nothing' : `exited ${exitCode}`,
    said: stderr.trim(),
  };
}

/** What it printed; null = nothing there, or nobody to ask. */
async function inspect(context: PlatformContext): Promise<string | null> {
  return (await look(context))?.printed ?? null;
}

/** The last lines of what `logs` prints, whatever it exits with: a service that is gone may have left some. */
async function readLogs(context: PlatformContext, lines: number): Promise<string> {
  const template = platformPlan(context, 'command').logs;
  if (template === undefined) return '';
  const { stdout, stderr } = await ask(context, template, 'logs');
  return `${stdout}${stderr}`.trimEnd().split('\n').slice(-lines).join('\n');
}

const cursorSchema = z.object({ sinceSeconds: z.number() });

/** All that `logs` prints of the time since the first look: only the command knows when a line was written. */
async function readNewLogs(context: PlatformContext, from: LogsFrom): Promise<NewLogs> {
  const template = platformPlan(context, 'command').logs;
  if (template === undefined) throw new Error(`${placeOf(context)}: the platform has no logs command`);
  const { stdout } = await runTool(context, ['date', '+%s']);
  const now = z.coerce.number().int().parse(stdout.trim());
  const sinceSeconds =
    'cursor' in from
      ? cursorSchema.parse(JSON.parse(from.cursor)).sinceSeconds
      : now - Math.ceil(from.agoMs / 1000);
  const forSeconds = String(Math.max(1, now - sinceSeconds));
  const result = await ask(context, template, 'logs', { [LOG_SECONDS]: forSeconds });
  const printed = `${result.stdout}${result.stderr}`;
  const said = printed.trim().split('\n').slice(-3).join(' ');
  const isCut =
    Buffer.byteLength(result.stdout) >= TAIL_BYTES || Buffer.byteLength(result.stderr) >= TAIL_BYTES;
  const missing =
    result.exitCode !== 0
      ? `logs ${result.timedOut ? 'did not end in time' : `exited ${result.exitCode ?? 'without a result'}`}: ${said}`
      : isCut
        ? `logs printed more than ${TAIL_BYTES / 1024} KB: let it print only the lines that matter`
        : null;
  const cursor = JSON.stringify({ sinceSeconds });
  return { lines: printed.split('\n'), cursor, repeats: true, missing };
}

async function ask(
  context: PlatformContext,
  template: string,
  name: string,
  env: Record<string, string> = {},
): Promise<CommandResult> {
  const values = runTimeValues(context.target);
  const given = { ...environmentOf(context, values), ...env };
  return await context.teamCommand(renderCommand(template, values, name), given, (command) =>
    context.host.run({ ...command, timeoutMs: QUESTION_TIMEOUT_MS }),
  );
}

async function recordPrior(context: PlatformContext): Promise<Prior | null> {
  const inspected = await inspect(context);
  const isFirst =
    inspected === null && (platformPlan(context, 'command').inspect !== null || context.target.live === null);
  return isFirst ? null : { kind: 'command', inspected };
}

async function proveWayBack(context: PlatformContext, recorded: unknown): Promise<string> {
  if (recorded === null) return 'nothing is there yet';
  const prior = priorSchema.parse(recorded);
  const { restore } = platformPlan(context, 'command');
  if (restore !== null) {
    const rendered = renderCommand(restore, restoreValues(context, prior), 'restore');
    return `restore: ${rendered}`;
  }
  if (context.target.live !== null && context.target.colour === null)
    return `the deploy command again, for ${context.target.live.version}`;
  throw refused({
    what: `no way back: ${prior.inspected ?? 'something'} is there, and there is no command that restores it`,
    where: placeOf(context),
    why: null,
    wayOut: 'add restore: to the platform',
  });
}

async function deploy(context: PlatformContext): Promise<string> {
  const { stdout } = await run(
    context,
    'deploy',
    platformPlan(context, 'command').command,
    runTimeValues(context.target),
  );
  await requireThere(context);
  const said = lastLine(stdout);
  return said === '' ? 'deployed' : `deployed: ${said}`;
}

/** A deploy that exits 0 and leaves nothing that inspect can see: one of the two is wrong, and undo believes inspect. */
async function requireThere(context: PlatformContext): Promise<void> {
  const looked = await look(context);
  if (looked === null || looked.printed !== null) return;
  throw refused({
    what: `the deploy command succeeded, but inspect finds nothing there: it ${looked.ended}`,
    where: placeOf(context),
    why: looked.said === '' ? null : looked.said,
    wayOut: 'let inspect print what is deployed there, or leave it out',
  });
}

/**
 * Back to what inspect said before. A deploy that was ended half-way leaves inspect as it was, so only `restore`
 * or the release before, run again, makes sure; what inspect says afterwards is compared.
 */
async function undo(context: PlatformContext, recorded: unknown): Promise<UndoResult> {
  const plan = platformPlan(context, 'command');
  if (recorded === null) return await undoFirst(context);
  const prior = priorSchema.parse(recorded);
  const { live } = context.target;
  if (plan.restore !== null) {
    await run(context, 'restore', plan.restore, restoreValues(context, prior));
  } else if (live !== null && context.target.colour === null) {
    const values = runTimeValues(asPrevious(context.target, live));
    await run(context, 'redeploy', plan.command, values, live.commit.sha);
  } else throw noWayBack(context);
  const now = await inspect(context);
  if (now !== prior.inspected) {
    throw foreignHand({
      what: `restored, but inspect says ${JSON.stringify(now)} where it said ${JSON.stringify(prior.inspected)} before`,
      where: placeOf(context),
      why: null,
      wayOut: 'look at that host: either restore is wrong, or somebody else changed it',
    });
  }
  return { outcome: 'undone', note: now === null ? 'restored' : `restored: inspect says ${now}` };
}

/**
 * There was nothing before: what the release brought is retired, also what inspect does not see, half of a deploy or
 * all of it. Where nothing came to be there is nothing to take away, and a retire that says so is no failed undo.
 */
async function undoFirst(context: PlatformContext): Promise<UndoResult> {
  const plan = platformPlan(context, 'command');
  const seesNothing = plan.inspect !== null && (await inspect(context)) === null;
  if (plan.retire === null) {
    if (!seesNothing) throw noWayBack(context);
    return { outcome: 'never-ran', note: 'inspect finds nothing, as before' };
  }
  try {
    await run(context, 'undo', plan.retire, runTimeValues(context.target));
  } catch (error) {
    if (!seesNothing || !isRefusal(error)) throw error;
    return { outcome: 'undone', note: `inspect finds nothing, as before; ${error.message}` };
  }
  return { outcome: 'undone', note: 'retired: nothing was there before' };
}

function noWayBack(context: PlatformContext): Error {
  return refused({
    what: 'there is no command that takes this release away again',
    where: placeOf(context),
    why: null,
    wayOut: 'put it right by hand, and add restore: or retire: to the platform',
  });
}

async function retire(context: PlatformContext, colour: Colour | null): Promise<UndoResult> {
  const template = platformPlan(context, 'command').retire;
  if (template === null) return { outcome: 'never-ran', note: 'no retire command: it stays' };
  await run(context, `retire-${colour ?? 'host'}`, template, runTimeValues(context.target, colour));
  return { outcome: 'undone', note: `${colour ?? 'what ran there'} retired` };
}

/** What a colour held before is known by what inspect printed of it: the release before this one is in the other colour. */
function restoreValues(context: PlatformContext, prior: Prior): RunTimeValues {
  const values = runTimeValues(context.target);
  const word = prior.inspected?.split('\n')[0]?.trim() ?? null;
  if (values.colour === null) return { ...values, 'previous-tag': values['previous-tag'] ?? word };
  const digest = /sha256:[0-9a-f]{64}/.exec(prior.inspected ?? '')?.[0] ?? null;
  return { ...values, 'previous-tag': word, 'previous-digest': digest };
}

function environmentOf(context: PlatformContext, values: RunTimeValues): Record<string, string> {
  return { ...context.env, ...runTimeEnvironment(values, 'platform command') };
}

async function run(
  context: PlatformContext,
  step: string,
  template: string,
  values: RunTimeValues,
  /** Whose files it runs in, on the worker; absent = the release's own. */
  commit?: string,
): Promise<CommandResult> {
  const { target } = context;
  const colour = values.colour === null ? '' : `-${values.colour}`;
  const text = renderCommand(template, values, `${target.plan.name} platform`);
  const start = (command: TeamCommand): Promise<CommandResult> =>
    context.host.runLong({
      ...command,
      timeoutMs: target.plan.timeoutMs,
      fence: context.fence,
      operationId: context.operationId(`${step}${colour}`),
      signal: context.signal,
      onProgress: ({ tail }) => context.progress(lastLine(tail)),
    });
  const result = await context.teamCommand(text, environmentOf(context, values), start, commit);
  requireSuccess(context, await withServiceLog(context, result), `the ${step} command`);
  return result;
}

/** A command that failed knows that the service did not come up, the service itself may know why. */
async function withServiceLog(context: PlatformContext, result: CommandResult): Promise<CommandResult> {
  if (result.exitCode === 0 || (result.exitCode === null && !result.timedOut)) return result;
  const log = await readLogs(context, context.target.plan.logTail).catch(() => '');
  if (log === '') return result;
  const said = `${result.stdout}\n${result.stderr}`.trim();
  return { ...result, stdout: said, stderr: `the service's log:\n${log}` };
}
