/** A `Shell` on a pooled SSH connection. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { unreachable } from '../failure.js';
import { announce, AnnouncedOutput } from '../hosts/announced-output.js';
import type { Shell, ShellRequest, ShellResult } from '../hosts/shell.js';
import type { SshTarget } from './connect.js';
import { ConnectionProblem } from './connection-problem.js';
import type { ConnectionPool, PooledConnection } from './connection-pool.js';

/** Tries to find a live connection before giving up; nothing has been sent in between. */
const OPEN_TRIES = 3;
/** How long a closed channel may keep its place when the server never confirms. */
const CLOSE_GRACE_MS = 2000;
const FORWARD_TIMEOUT_MS = 10_000;

interface Session {
  channel: ClientChannel;
  release: () => void;
}

export function createSshShell(pool: ConnectionPool, target: SshTarget, where: string): Shell {
  const connection = async (): Promise<PooledConnection> => {
    try {
      return await pool.get(target);
    } catch (error) {
      throw error instanceof ConnectionProblem ? error.toFailure(where) : error;
    }
  };

  /** A channel that runs `line`; null = the connection broke while asking, so it may or may not run. */
  const openSession = async (line: string, lane: 'normal' | 'rescue'): Promise<Session | null> => {
    for (let attempt = 1; ; attempt += 1) {
      const open = await connection();
      const slots = lane === 'rescue' ? open.rescue : open.sessions;
      const release = await slots.take();
      try {
        return { channel: await execute(open.client, line), release };
      } catch (error) {
        release();
        const notSent = error instanceof Error && error.message === 'Not connected';
        if (notSent && attempt < OPEN_TRIES) continue;
        if (open.isDead() || isLost(error)) return null;
        if (isFull(error) && slots.inUse > 0) {
          // a smaller MaxSessions than OpenSSH's default: wait for one of ours instead
          slots.lowerTo(slots.inUse);
          continue;
        }
        throw refusedChannel(error, where);
      }
    }
  };

  return {
    execute: async (request) => {
      const { line, marker } = announce(request.script);
      const startedAt = performance.now();
      const session = await openSession(line, request.lane ?? 'normal');
      if (session === null) return lost(startedAt);
      return collect(session, request, marker, startedAt);
    },
    stream: async (script) => {
      const session = await openSession(script, 'normal');
      if (session === null) throw connectionLost(where);
      const { channel, release } = session;
      channel.once('close', release);
      return channel;
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

function execute(client: Client, line: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject(error);
    });
  });
}

async function collect(
  { channel, release }: Session,
  request: ShellRequest,
  marker: string,
  startedAt: number,
): Promise<ShellResult> {
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
  let exitCode: number | null = null;
  let signal: string | null = null;
  let exited = false;
  channel.once('exit', (code: number | null, name?: string) => {
    exited = true;
    exitCode = code;
    signal = name === undefined ? null : `SIG${name.replace(/^SIG/, '')}`;
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    channel.close();
    channel.emit('slipway:timeout');
  }, request.timeoutMs);
  const closed = once(channel, 'close');
  channel.end(request.stdin);
  await Promise.race([closed, once(channel, 'slipway:timeout')]);
  clearTimeout(timer);
  if (timedOut && !exited) {
    const forced = setTimeout(release, CLOSE_GRACE_MS);
    void closed.then(() => {
      clearTimeout(forced);
      release();
    });
  } else {
    release();
  }
  return {
    exitCode: timedOut ? null : exitCode,
    signal: timedOut ? null : signal,
    durationMs: Math.round(performance.now() - startedAt),
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
    truncated: stdout.truncated || stderr.truncated,
    timedOut,
    // closed without an exit status: the outcome is unknown, neither failed nor ok
    connectionLost: !timedOut && !exited,
    group: stdout.group ?? stderr.group,
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
