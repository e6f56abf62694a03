/** A `RemoteShell` on a pooled SSH connection. */
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { unreachable } from '../failure.js';
import { announce, AnnouncedOutput, type Announcement } from '../hosts/announced-output.js';
import type { RemoteShell, ShellRequest, ShellResult } from '../hosts/shell.js';
import type { SshTarget } from './connect.js';
import { ConnectionProblem } from './connection-problem.js';
import type { ConnectionPool, PooledConnection } from './connection-pool.js';
import { programStream } from './program-stream.js';

/** Tries to find a live connection before giving up; nothing has been sent in between. */
const OPEN_TRIES = 3;
const FULL_WITHIN_MS = 15_000;
const FULL_PAUSE_MS = 50;
/** How long a closed channel may keep its place when the server never confirms. */
const CLOSE_GRACE_MS = 2000;
const FORWARD_TIMEOUT_MS = 10_000;

interface Session {
  connection: PooledConnection;
  channel: ClientChannel;
  /** Filled when the server says how the command ended; null until then, and for ever when it never says. */
  exit: () => Exit | null;
  release: () => void;
}

interface Exit {
  code: number | null;
  signal: string | null;
}

export function createSshShell(pool: ConnectionPool, target: SshTarget, where: string): RemoteShell {
  const connection = async (): Promise<PooledConnection> => {
    try {
      return await pool.get(target);
    } catch (error) {
      throw error instanceof ConnectionProblem ? error.toFailure(where) : error;
    }
  };

  /** A channel that runs the line; null = the connection broke while asking, so it may or may not run. */
  const openSession = async (
    lineFor: (connection: PooledConnection) => string,
    lane: 'normal' | 'rescue',
  ): Promise<Session | null> => {
    let fullSince: number | null = null;
    for (let attempt = 1; ; attempt += 1) {
      const open = await connection();
      const slots = lane === 'rescue' ? open.rescue : open.sessions;
      const release = await slots.take();
      try {
        return { ...(await execute(open.client, lineFor(open))), connection: open, release };
      } catch (error) {
        release();
        const notSent = error instanceof Error && error.message === 'Not connected';
        if (notSent && attempt < OPEN_TRIES) continue;
        if (open.isDead() || isLost(error)) return null;
        if (isFull(error)) fullSince ??= performance.now();
        if (fullSince !== null && performance.now() - fullSince < FULL_WITHIN_MS) {
          // a smaller MaxSessions than OpenSSH's default: from now on ours wait for each other
          slots.lowerTo(slots.inUse);
          // none of ours may be left to wait for while sshd is still putting the last one away
          await sleep(FULL_PAUSE_MS);
          continue;
        }
        throw refusedChannel(error, where);
      }
    }
  };

  return {
    execute: async (request) => {
      const startedAt = performance.now();
      const announcement = announce(request.script);
      const isShort = ({ isInSh }: PooledConnection): boolean =>
        request.isOneLook === true && isInSh === true;
      const lineFor = (open: PooledConnection): string =>
        isShort(open) ? announcement.text : announcement.line;
      for (;;) {
        const session = await openSession(lineFor, request.lane ?? 'normal');
        if (session === null) return lost(startedAt);
        const { connection: used } = session;
        const wasShort = isShort(used);
        const { isInSh, ...result } = await collect(session, request, announcement, startedAt);
        used.isInSh ??= result.group === null ? null : isInSh;
        // another shell than it had said: it could not read the line, so nothing ran
        const isUnread = wasShort && result.group === null && result.exitCode !== null;
        if (!isUnread) return result;
        used.isInSh = false;
      }
    },
    stream: async (script) => {
      const session = await openSession(() => script, 'normal');
      if (session === null) throw connectionLost(where);
      session.channel.once('close', session.release);
      return programStream(session.channel, () => session.exit()?.code ?? null);
    },
    connectTcp: async (host, port, timeoutMs) => {
      const { client } = await connection();
      return forwarded(where, `${host}:${port}`, timeoutMs, (done) => {
        client.forwardOut('127.0.0.1', 0, host, port, done);
      });
    },
    connectSocket: async (path) => {
      const { client } = await connection();
      return forwarded(where, path, FORWARD_TIMEOUT_MS, (done) => {
        client.openssh_forwardOutStreamLocal(path, done);
      });
    },
  };
}

function execute(client: Client, line: string): Promise<Pick<Session, 'channel' | 'exit'>> {
  return new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      let exit: Exit | null = null;
      // at once: a quick command's exit status arrives in the same packet as the confirmation of its start
      channel.once('exit', (code: number | null, name?: string) => {
        exit = { code, signal: name === undefined ? null : `SIG${name.replace(/^SIG/, '')}` };
      });
      resolve({ channel, exit: () => exit });
    });
  });
}

async function collect(
  { channel, exit, release }: Session,
  request: ShellRequest,
  { marker }: Announcement,
  startedAt: number,
): Promise<ShellResult & { isInSh: boolean }> {
  const stdout = new AnnouncedOutput(marker, request.keepBytes);
  const stderr = new AnnouncedOutput(marker, request.keepBytes);
  channel.on('data', (chunk: Buffer) => {
    stdout.push(chunk);
  });
  channel.stderr.on('data', (chunk: Buffer) => {
    stderr.push(chunk);
  });
  // a command that does not read its stdin is no error
  channel.on('error', () => undefined);
  let timedOut = false;
  const closed = new Promise<void>((resolve) => {
    channel.once('close', resolve);
  });
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      timedOut = true;
      channel.close();
      resolve();
    }, request.timeoutMs);
    channel.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // a quick command is over before it is told that nothing follows
    if (channel.writable) channel.end(request.stdin);
  });
  const ended = exit();
  if (timedOut && ended === null) {
    const forced = setTimeout(release, CLOSE_GRACE_MS);
    void closed.then(() => {
      clearTimeout(forced);
      release();
    });
  } else {
    release();
  }
  return {
    exitCode: timedOut ? null : (ended?.code ?? null),
    signal: timedOut ? null : (ended?.signal ?? null),
    durationMs: Math.round(performance.now() - startedAt),
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
    truncated: stdout.truncated || stderr.truncated,
    timedOut,
    // closed without an exit status: the outcome is unknown, neither failed nor ok
    connectionLost: !timedOut && ended === null,
    group: stdout.group ?? stderr.group,
    isInSh: stdout.isInSh,
  };
}

function lost(startedAt: number): ShellResult {
  return {
    exitCode: null,
    signal: null,
    durationMs: Math.round(performance.now() - startedAt),
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
    truncated: false,
    timedOut: false,
    connectionLost: true,
    group: null,
  };
}

type Forwarded = (error: Error | undefined, channel: ClientChannel) => void;

async function forwarded(
  where: string,
  to: string,
  timeoutMs: number,
  open: (done: Forwarded) => void,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (what: string, why: string | null): void => {
      reject(
        unreachable({
          what,
          where,
          why,
          wayOut:
            'check that it listens there, and AllowTcpForwarding / AllowStreamLocalForwarding in sshd_config',
        }),
      );
    };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      fail(`${to} does not answer from there within ${timeoutMs} ms`, null);
    }, timeoutMs);
    const done: Forwarded = (error, channel) => {
      clearTimeout(timer);
      if (error !== undefined) fail(`${to} cannot be reached from there: ${error.message}`, error.message);
      else if (late) channel.destroy();
      else resolve(channel);
    };
    try {
      open(done);
    } catch (error) {
      clearTimeout(timer);
      fail(`${to} cannot be reached: ${String(error)}`, null);
    }
  });
}

function isLost(error: unknown): boolean {
  return error instanceof Error && error.message === 'No response from server';
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('(SSH) Channel open failure');
}

function connectionLost(where: string): Error {
  return unreachable({
    what: 'the connection was lost',
    where,
    why: null,
    wayOut: 'tried again by itself; if it stays, look at the host and the network between',
  });
}

function refusedChannel(error: unknown, where: string): Error {
  return unreachable({
    what: `sshd there opens no session: ${error instanceof Error ? error.message : String(error)}`,
    where,
    why: null,
    wayOut:
      'allow the user to run commands (MaxSessions, ForceCommand, login shell; docs/hosts.md#what-a-host-needs)',
  });
}
