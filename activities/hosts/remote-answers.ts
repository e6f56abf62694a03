/** What a host's script said, read once: an answer's words, or the failure that explains why there is none. */
import type { FailureDetails } from '../../workflows/failures.js';
import { refused, staleFence, unreachable } from '../failure.js';
import type { Fence } from './host.js';
import type { ShellResult } from './shell.js';
import { lastLine } from './tail.js';

const WHY_BYTES = 2048;

/** First line of stdout as words, and the bytes after it. Throws when the script itself failed. */
export function readAnswer(result: ShellResult, where: string, fence: Fence | null): Answer {
  if (result.connectionLost || result.timedOut || result.signal !== null) throw lostOnTheWay(result, where);
  if (result.truncated) {
    throw refused({
      what: 'the file there is larger than can be read (32 MB)',
      where,
      why: null,
      wayOut: 'name another file: configuration is expected here',
    });
  }
  const end = result.stdout.indexOf('\n');
  const words = result.stdout
    .subarray(0, end === -1 ? undefined : end)
    .toString()
    .trim()
    .split(/\s+/);
  if (result.exitCode !== 0 || words[0] === '') throw explainScriptFailure(result, where);
  refuseAnswer(words, where, fence);
  return { words, rest: end === -1 ? Buffer.alloc(0) : result.stdout.subarray(end + 1) };
}

export interface Answer {
  words: string[];
  rest: Buffer;
}

/** Throws for the answers that mean no: a stale token, missing programs, a lock that is held. */
export function refuseAnswer(words: readonly string[], where: string, fence: Fence | null): void {
  const [word = '', detail = '?'] = words;
  switch (word) {
    case 'stale':
      throw staleFence({
        what: `a newer change owns ${fence?.environment ?? 'this environment'} (token ${detail}, ours is ${fence?.token ?? '?'})`,
        where,
        why: null,
        wayOut: 'nothing was changed here by this one; see slipway status',
        ...(/^\d+$/.test(detail) ? { seenToken: Number(detail) } : {}),
      });
    case 'undone':
      throw staleFence({
        what: `the undo of this change has begun (token ${detail})`,
        where,
        why: null,
        wayOut: 'nothing was changed here by this attempt, which came late; see slipway status',
      });
    case 'leaps':
      throw refused({
        what: `token ${fence?.token ?? '?'} is far above the last one seen there (${detail})`,
        where,
        why: null,
        wayOut: 'nothing was changed; look who started this (docs/security.md#unauthorized)',
      });
    case 'missing':
      throw refused({
        what: 'the programs flock and setsid are not on the PATH there',
        where,
        why: null,
        wayOut: 'install util-linux on the host (docs/hosts.md#what-a-host-needs)',
      });
    case 'busy':
      throw unreachable({
        what: 'the lock of the fence was held for 10 s',
        where,
        why: null,
        wayOut:
          'tried again by itself; if it stays, find the holder there with: fuser ~/.slipway/fences/*/.*.lock',
      });
    case 'broken':
      throw refused({
        what: `${detail} does not hold a number`,
        where,
        why: null,
        wayOut:
          'write the highest token of this environment into it (docs/hosts.md#what-is-stored-on-the-host)',
      });
    case 'alive':
      throw cannotEnd(detail, where);
    default:
  }
}

/** A process group that outlived SIGKILL, for example one that runs under sudo. */
export function cannotEnd(group: string, where: string): Error {
  return refused({
    what: `process group ${group} still runs and cannot be ended by this user`,
    where,
    why: null,
    wayOut: `end it there: sudo kill -9 -- -${group}`,
  });
}

/** Turns the stderr of one of our own scripts, or of a file operation, into a failure with a way out. */
export function explainScriptFailure(result: ShellResult, where: string): Error {
  const said = result.stderr.toString().trim() || result.stdout.toString().trim();
  const why = said.slice(-WHY_BYTES) || null;
  const last = lastLine(said).slice(0, 300);
  const details = (what: string, wayOut: string): FailureDetails => ({ what, where, why, wayOut });
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return refused(
      details('no space left on the disk there', 'free some (df -h ~; docker system df), then try again'),
    );
  }
  if (/Read-only file system/.test(said)) {
    return refused(details('the file system there is read-only', 'remount it writable, then try again'));
  }
  if (/No such file|nonexistent|Is a directory|Not a directory/i.test(said)) {
    return refused(details(last, 'correct the path, or create the folder there'));
  }
  if (/Permission denied|Operation not permitted/.test(said)) {
    return refused(
      details(`permission denied: ${last}`, 'give the ssh user the right to it, then try again'),
    );
  }
  return refused(
    details(
      `the host's shell failed (exit ${result.exitCode ?? result.signal ?? 'unknown'}): ${last}`,
      'the ssh user needs a POSIX login shell and a writable home (docs/hosts.md#what-a-host-needs)',
    ),
  );
}

function lostOnTheWay(result: ShellResult, where: string): Error {
  return unreachable({
    what: result.timedOut
      ? `no answer within ${result.durationMs} ms`
      : result.signal === null
        ? 'the connection was lost on the way'
        : `the host ended the command by ${result.signal}, as one that goes down does`,
    where,
    why: null,
    wayOut: 'tried again by itself; if it stays, look at the host and the network between',
  });
}
