/**
 * A command that may outlive its connection and its worker: started once under its operation id, followed by
 * short polls that wait on the host, attached to again by whoever asks next.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { END_TIMEOUT_MS, type Ask } from './ask.js';
import { readable, TAIL_BYTES, withStdin } from './command-text.js';
import type { CommandResult, LongCommand } from './host.js';
import { quoteArgv } from './quote.js';
import { type Answer } from './remote-answers.js';
import {
  endScript,
  pollScript,
  POLL_CHUNK_BYTES,
  startScript,
  type Following,
  type Operation,
} from './remote-scripts.js';
import { Tail, tailOfText } from './tail.js';

export interface LongCommandParts {
  name: string;
  where: string;
  scrub: (text: string) => string;
  ask: Ask;
}

/** How long one poll waits on the host for the end, which it tells at once; what is written meanwhile comes with it. */
const WAITS_SECONDS = [0.3, 0.5, 1];
/** How long a lost connection is looked for before the caller is told that the outcome is unknown. */
const RECONNECT_MS = 20_000;
const PROGRESS_TAIL_BYTES = 2048;
/** A log that runs ahead by more than this is followed at its end; all of it stays on the host. */
const SKIP_BEYOND_BYTES = 4 * 1024 * 1024;
const KEEP_BYTES = 2 * TAIL_BYTES;
/** A chunk of the log behind the answer's own line. */
const POLL_KEEP_BYTES = POLL_CHUNK_BYTES + 1024;

interface Poll {
  state: string;
  size: number;
  elapsedMs: number;
  chunk: Buffer;
}

/**
 * Resolves with the exit code, `timedOut` or `cancelled` (the group's end confirmed), or with an unknown outcome:
 * connection lost, detached, or ended without a result. Rejects with StaleFence, or when the host refuses.
 */
export async function runLongCommand(parts: LongCommandParts, command: LongCommand): Promise<CommandResult> {
  const startedAt = performance.now();
  const operation: Operation = { fence: command.fence, operationId: command.operationId };
  const tail = new Tail(KEEP_BYTES);
  let offset = command.offset ?? 0;
  const firstOffset = offset;

  const result = (outcome: Partial<CommandResult>, note = ''): CommandResult => ({
    command: parts.scrub(quoteArgv(command.argv)),
    host: parts.name,
    exitCode: null,
    signal: null,
    durationMs: Math.round(performance.now() - startedAt),
    stdout: readable(tail.bytes(), parts.scrub),
    stderr: note,
    timedOut: false,
    cancelled: false,
    connectionLost: false,
    ...outcome,
  });

  const take = (poll: Poll): void => {
    if (poll.chunk.length === 0) return;
    offset += poll.chunk.length;
    tail.push(poll.chunk);
    command.onProgress?.({
      offset,
      tail: tailOfText(readable(tail.bytes(), parts.scrub), PROGRESS_TAIL_BYTES),
    });
  };

  const ended = (state: string): CommandResult => {
    switch (state) {
      case 'killed':
        return result({ cancelled: true });
      case 'timeout':
        return result({ timedOut: true });
      case 'vanished':
        return result(
          {},
          `[slipway: ${command.operationId} ended without a result: killed, or the host restarted]`,
        );
      default:
        return result({ exitCode: Number(state) });
    }
  };

  for (let round = 0, elapsedMs = 0; ; round += 1) {
    // what must end has to be there first: a start is waited for
    if (round > 0 && command.signal?.aborted === true) {
      if (command.signal.reason !== 'kill') {
        return result({}, `[slipway: detached, ${command.operationId} goes on at ${parts.name}]`);
      }
      if (await endOperation(parts, operation, 'killed')) return ended('killed');
    }
    const leftSeconds = Math.max(0.01, (command.timeoutMs - elapsedMs) / 1000);
    const waitSeconds = Math.min(WAITS_SECONDS[Math.min(round, WAITS_SECONDS.length - 1)] ?? 1, leftSeconds);
    const following = { offset, waitSeconds };
    const poll =
      round === 0
        ? await startOperation(parts, operation, command, following)
        : await untilAborted(pollOrLose(parts, operation, following), command.signal);
    if (poll === 'aborted') continue;
    if (poll === 'lost') return result({ connectionLost: true });
    elapsedMs = poll.elapsedMs;
    take(poll);
    if (poll.size - offset > SKIP_BEYOND_BYTES) offset = poll.size - POLL_CHUNK_BYTES;
    // there is more to read before the end counts
    if (poll.chunk.length === POLL_CHUNK_BYTES) continue;
    if (poll.state === 'running') {
      const isLate = elapsedMs >= command.timeoutMs;
      if (isLate && (await endOperation(parts, operation, 'timeout'))) return ended('timeout');
      continue;
    }
    if (firstOffset > 0 && tail.bytes().length < TAIL_BYTES) {
      // an earlier attempt read the beginning: the result's tail is of the whole log, not of our part
      const whole = await pollOperation(parts, operation, {
        offset: Math.max(0, poll.size - TAIL_BYTES),
        waitSeconds: 0,
      });
      tail.replace(whole.chunk);
    }
    return ended(poll.state);
  }
}

/** False when it was not running any more: the next poll brings how it ended. */
async function endOperation(
  parts: LongCommandParts,
  operation: Operation,
  why: 'killed' | 'timeout',
): Promise<boolean> {
  const request = { timeoutMs: END_TIMEOUT_MS, lane: 'rescue' as const };
  const { words } = await whileUnreachable(() => parts.ask(endScript(operation, why), request));
  return words[0] === 'ended';
}

async function startOperation(
  parts: LongCommandParts,
  operation: Operation,
  command: LongCommand,
  following: Following,
): Promise<Poll> {
  const start = withStdin(startScript(operation, command, following), command.env, command.stdin);
  const answer = await parts.ask(start.script, {
    fence: command.fence,
    ...(start.stdin === undefined ? {} : { stdin: start.stdin }),
    timeoutMs: END_TIMEOUT_MS,
    keepBytes: POLL_KEEP_BYTES,
  });
  return readPoll(answer);
}

async function pollOrLose(
  parts: LongCommandParts,
  operation: Operation,
  following: Following,
): Promise<Poll | 'lost'> {
  try {
    return await pollOperation(parts, operation, following);
  } catch (error) {
    if (mayAnswerLater(error)) return 'lost';
    throw error;
  }
}

async function pollOperation(
  parts: LongCommandParts,
  operation: Operation,
  following: Following,
): Promise<Poll> {
  const request = { keepBytes: POLL_KEEP_BYTES };
  return readPoll(await whileUnreachable(() => parts.ask(pollScript(operation, following), request)));
}

function readPoll({ words, rest }: Answer): Poll {
  const [, state = 'vanished', size, startedSeconds, nowSeconds] = words;
  return {
    state,
    size: Number(size),
    elapsedMs: Math.max(0, (Number(nowSeconds) - Number(startedSeconds)) * 1000),
    chunk: rest,
  };
}

/** Asks again for a while when the host cannot be reached; a host that refuses is an error at once. */
async function whileUnreachable<T>(ask: () => Promise<T>): Promise<T> {
  const givenUpAt = performance.now() + RECONNECT_MS;
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      return await ask();
    } catch (error) {
      if (!mayAnswerLater(error) || performance.now() > givenUpAt) throw error;
      await sleep(pauseMs);
    }
  }
}

function mayAnswerLater(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.nonRetryable !== true;
}

/** The poll goes on in the background when the signal comes first: it only reads. */
async function untilAborted<T>(poll: Promise<T>, signal: AbortSignal | undefined): Promise<T | 'aborted'> {
  if (signal === undefined || signal.aborted) return poll;
  let onAbort = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    onAbort = () => {
      resolve('aborted');
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([poll, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    poll.catch(() => undefined);
  }
}
