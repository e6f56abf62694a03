/** A `Host` on any `Shell`: commands, fences, files and the Docker Engine behave the same over SSH and locally. */
import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import { createAsk, END_TIMEOUT_MS, executeScript } from './ask.js';
import type { JobUser } from '../job-user/job-user.js';
import { asItsUser, readable, TAIL_BYTES, withStdin } from './command-text.js';
import type { CommandResult, Fence, Host, LongCommand, RemoteCommand } from './host.js';
import { quoteArgv } from './quote.js';
import { explainScriptFailure, refuseAnswer } from './remote-answers.js';
import {
  claimScript,
  endGroupScript,
  fencedRunScript,
  killStaleScript,
  readFileScript,
  runScript,
  writeFileScript,
} from './remote-scripts.js';
import { runLongCommand } from './run-long.js';
import type { Shell, ShellResult } from './shell.js';

export interface ShellHostParts {
  name: string;
  /** `prod host web-2`, for errors. */
  where: string;
  shell: Shell;
  scrub: (text: string) => string;
  docker: () => Promise<Docker>;
  /** Runs a team's own commands; null = whoever the shell is. */
  jobUser: JobUser | null;
}

/** Kept beyond the tail while scrubbing, so that a value cut in two at the edge is still recognised. */
const SCRUB_MARGIN_BYTES = 64 * 1024;
const READ_FILE_BYTES = 32 * 1024 * 1024;
/** Groups are ended one after the other, each with its grace. */
const KILL_STALE_TIMEOUT_MS = 200_000;

export function createShellHost(parts: ShellHostParts): Host {
  const { name, where, shell } = parts;

  const ask = createAsk(shell, where);
  const ranAs = ({ isTeams }: RemoteCommand): Pick<CommandResult, 'ranAs'> =>
    isTeams === true && parts.jobUser !== null ? { ranAs: parts.jobUser.name } : {};

  const run = async (asked: RemoteCommand): Promise<CommandResult> => {
    const command = asItsUser(asked, parts.jobUser);
    const { fence } = command;
    const refusalMarker = fence === undefined ? '' : `slipway-${randomBytes(8).toString('hex')}-refusal:`;
    const script =
      fence === undefined
        ? runScript(command)
        : fencedRunScript(fence, command, {
            runId: `run-${randomBytes(6).toString('hex')}`,
            refusalMarker,
          });
    const sent = withStdin(script, command.env, command.stdin);
    const result = await executeScript(shell, where, sent.script, {
      timeoutMs: command.timeoutMs,
      keepBytes: TAIL_BYTES + SCRUB_MARGIN_BYTES,
      // a folder to enter, or exports to read, are more than one command
      isOneLook: fence === undefined && command.cwd === undefined && sent.script === script,
      ...(sent.stdin === undefined ? {} : { stdin: sent.stdin }),
    });
    if (fence !== undefined) refuseFencedRun(result, where, fence, refusalMarker);
    const note = result.timedOut && result.group !== null ? await endGroup(result.group) : '';
    return {
      command: parts.scrub(quoteArgv(asked.argv)),
      host: name,
      exitCode: result.exitCode,
      signal: result.signal,
      durationMs: result.durationMs,
      stdout: readable(result.stdout, parts.scrub),
      stderr: readable(Buffer.concat([result.stderr, Buffer.from(note)]), parts.scrub),
      timedOut: result.timedOut,
      cancelled: false,
      connectionLost: result.connectionLost,
      ...ranAs(asked),
    };
  };

  /** Ends what a timeout left running; what it could not end is said in the result's stderr. */
  const endGroup = async (group: number): Promise<string> => {
    try {
      await ask(endGroupScript(group), { timeoutMs: END_TIMEOUT_MS, lane: 'rescue' });
      return '';
    } catch (error) {
      return `\n[slipway: timed out, and not known to have ended: ${String(error)}]\n`;
    }
  };

  return {
    name,
    run,
    runLong: async (command: LongCommand) => ({
      ...(await runLongCommand({ name, where, scrub: parts.scrub, ask }, asItsUser(command, parts.jobUser))),
      command: parts.scrub(quoteArgv(command.argv)),
      ...ranAs(command),
    }),
    docker: parts.docker,
    readFile: async (path) => {
      const answer = await ask(readFileScript(path), { keepBytes: READ_FILE_BYTES });
      return answer.words[0] === 'absent' ? null : answer.rest.toString();
    },
    writeFile: async (path, text, options = {}) => {
      const { mode = 0o644, fence } = options;
      await ask(writeFileScript(path, mode, fence ?? null), {
        stdin: Buffer.from(text),
        ...(fence === undefined ? {} : { fence }),
      });
    },
    connectFrom: (host, port, timeoutMs) => shell.connectTcp(host, port, timeoutMs),
    claim: async (fence, own) => {
      const ending = { timeoutMs: KILL_STALE_TIMEOUT_MS, lane: 'rescue' } as const;
      const [, previous, hostId = ''] = (
        await ask(claimScript(fence, own), { fence, ...(own === undefined ? {} : ending) })
      ).words;
      return { hostId, previousToken: Number(previous) };
    },
    killStale: async (fence) => {
      const answer = await ask(killStaleScript(fence), {
        fence,
        timeoutMs: KILL_STALE_TIMEOUT_MS,
        lane: 'rescue',
      });
      const lines = [
        answer.words,
        ...answer.rest
          .toString()
          .split('\n')
          .map((line) => line.split(' ')),
      ];
      const alive = lines.find(([word]) => word === 'alive');
      if (alive !== undefined) refuseAnswer(['alive', alive[2] ?? '?'], where, fence);
      return lines.flatMap(([word, operation]) =>
        word === 'killed' && operation !== undefined ? [operation] : [],
      );
    },
  };
}

/** Throws when the fence, or the journal around the command, refused; a command's own failure is not its business. */
function refuseFencedRun(result: ShellResult, where: string, fence: Fence, marker: string): void {
  const said = result.stderr.toString();
  const start = result.exitCode === 97 ? said.indexOf(marker) : -1;
  if (start === -1) return;
  const [line = ''] = said.slice(start + marker.length).split('\n', 1);
  const words = line.trim().split(/\s+/);
  if (words[0] === 'failed')
    throw explainScriptFailure({ ...result, stderr: Buffer.from(said.slice(0, start)) }, where);
  refuseAnswer(words, where, fence);
}
