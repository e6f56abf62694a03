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
import { endScript, pollScript, POLL_CHUNK_BYTES, startScript, type Operation } from './remote-scripts.js';
import { Tail, tailOfText } from './tail.js';

export interface LongCommandParts {
  name: string;
  where: string;
  scrub: (text: string) => string;
  ask: Ask;
}

/** How long one poll waits on the host for the end: short at first, so that short commands cost little. */
const WAITS_SECONDS = [0.05, 0.1, 0.2, 0.5, 1];
/** How long a lost connection is looked for before the caller is told that the outcome is unknown. */
const RECONNECT_MS = 20_000;
const PROGRESS_TAIL_BYTES = 2048;
/** A log that runs ahead by more than this is followed at its end; all of it stays on the host. */
const SKIP_BEYOND_BYTES = 4 * 1024 * 1024;
const KEEP_BYTES = 2 * TAIL_BYTES;

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

  const start = withStdin(startScript(operation, command), command.env, command.stdin);
  await parts.ask(start.script, {
    fence: command.fence,
    ...(start.stdin === undefined ? {} : { stdin: start.stdin }),
    timeoutMs: END_TIMEOUT_MS,
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

  for (let round = 0, elapsedMs = 0; ; round += 1) {
    if (command.signal?.aborted === true) {
      if (command.signal.reason !== 'kill') {
        return result({}, `[slipway: detached, ${command.operationId} goes on at ${parts.name}]`);
      }
      const end = await endOperation(parts, operation, 'killed');
      if (end === 'ended') return result({ cancelled: true });
    }
    const leftSeconds = Math.max(0.01, (command.timeoutMs - elapsedMs) / 1000);
    const wait = Math.min(WAITS_SECONDS[Math.min(round, WAITS_SECONDS.length - 1)] ?? 1, leftSeconds);
    const poll = await untilAborted(pollOperation(parts, operation, offset, wait), command.signal);
    if (poll === 'aborted') continue;
    if (poll === null) return result({ connectionLost: true });
    elapsedMs = poll.elapsedMs;
    if (poll.size < offset) offset = 0;
    take(poll);
    if (poll.size - offset > SKIP_BEYOND_BYTES) offset = poll.size - POLL_CHUNK_BYTES;
    if (poll.chunk.length === POLL_CHUNK_BYTES) continue;
    if (poll.state === 'running') {
      if (elapsedMs >= command.timeoutMs) {
        if ((await endOperation(parts, operation, 'timeout')) === 'ended') return result({ timedOut: true });
      }
      continue;
    }
    if (firstOffset > 0 && tail.bytes().length < TAIL_BYTES) {
      // an earlier attempt read the beginning: the result's tail is of the whole log, not of our part
      const again = await pollOperation(parts, operation, Math.max(0, poll.size - TAIL_BYTES), 0);
      if (again !== null) tail.replace(again.chunk);
    }
    switch (poll.state) {
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
        return result({ exitCode: Number(poll.state) });
    }
  }
}

async function endOperation(
  parts: LongCommandParts,
  operation: Operation,
  why: 'killed' | 'timeout',
): Promise<'ended' | 'not-running'> {
  const { words } = await parts.ask(endScript(operation, why), { timeoutMs: END_TIMEOUT_MS, lane: 'rescue' });
  // it may have finished in the same moment: the next poll brings how
  return words[0] === 'ended' ? 'ended' : 'not-running';
}

/** null when the host could not be reached for a while; a host that refuses is an error. */
async function pollOperation(
  parts: LongCommandParts,
  operation: Operation,
  offset: number,
  waitSeconds: number,
): Promise<Poll | null> {
  const givenUpAt = performance.now() + RECONNECT_MS;
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      const { words, rest } = await parts.ask(pollScript(operation, offset, waitSeconds), {
        keepBytes: POLL_CHUNK_BYTES + 1024,
      });
      const [, state = 'vanished', size, startedSeconds, nowSeconds] = words;
      return {
        state,
        size: Number(size),
        elapsedMs: Math.max(0, (Number(nowSeconds) - Number(startedSeconds)) * 1000),
        chunk: rest,
      };
    } catch (error) {
      const mayAnswerLater = error instanceof ApplicationFailure && error.nonRetryable !== true;
      if (!mayAnswerLater) throw error;
      if (performance.now() > givenUpAt) return null;
      await sleep(pauseMs);
    }
  }
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
