/**
 * One connection per target, shared by everybody and connected once; a dead one is replaced by the next caller.
 * sshd allows 10 sessions on a connection and drops handshakes beyond 10 at a time, so both are queued here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { connect, targetId, type ConnectParts, type SshTarget } from './connect.js';
import { ConnectionProblem } from './connection-problem.js';
import { Slots } from './slots.js';

export interface PooledConnection {
  readonly client: Client;
  /** Sessions (commands, dial-stdio). */
  readonly sessions: Slots;
  /** Two more, only for ending commands that hang. */
  readonly rescue: Slots;
  /** Does the login shell read one quoted command as sh does? null = it has not said yet. */
  isInSh: boolean | null;
  readonly isDead: () => boolean;
}

export interface PoolLogger {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

const SESSIONS = 8;
const RESCUE_SESSIONS = 2;
const HANDSHAKES_PER_HOST = 10;
/** Tries within one call; longer outages are Temporal's to retry. */
const TRIES = 5;
const FIRST_PAUSE_MS = 100;

export class ConnectionPool {
  private readonly connections = new Map<string, Promise<PooledConnection>>();
  private readonly handshakes = new Map<string, Slots>();
  private closed = false;

  constructor(
    private readonly parts: ConnectParts,
    private readonly logger: PoolLogger,
  ) {}

  /** The open connection, or a new one. Throws a ConnectionProblem. */
  async get(target: SshTarget): Promise<PooledConnection> {
    const id = targetId(target);
    const known = this.connections.get(id);
    if (known !== undefined) {
      const connection = await known;
      if (!connection.isDead()) return connection;
      if (this.connections.get(id) === known) this.connections.delete(id);
      return this.get(target);
    }
    if (this.closed) throw new Error('the connections of this worker are closed');
    const opening = this.open(target);
    this.connections.set(id, opening);
    opening.catch(() => this.connections.delete(id));
    return opening;
  }

  /** Ends every connection; commands that still run on one see it as lost. */
  async close(): Promise<void> {
    this.closed = true;
    const open = await Promise.allSettled(this.connections.values());
    this.connections.clear();
    for (const connection of open) {
      if (connection.status === 'fulfilled') connection.value.client.end();
    }
  }

  private async open(target: SshTarget): Promise<PooledConnection> {
    for (let attempt = 1, pauseMs = FIRST_PAUSE_MS; ; attempt += 1, pauseMs *= 2) {
      try {
        return await this.tryOpen(target);
      } catch (error) {
        const again = error instanceof ConnectionProblem && error.kind === 'dropped' && attempt < TRIES;
        if (!again || this.closed) throw error;
        this.logger.warn({ host: target.address, attempt, what: error.what }, 'ssh: connecting again');
        // spread, or everybody who was dropped together comes back together
        await sleep(pauseMs * (0.5 + Math.random()));
      }
    }
  }

  private async tryOpen(target: SshTarget): Promise<PooledConnection> {
    const jump = target.via === null ? null : await this.get(target.via);
    const place = await this.handshakesOf(target).take();
    const startedAt = performance.now();
    try {
      const client = await connect(target, this.parts, jump?.client ?? null);
      let dead = false;
      client.once('close', () => {
        dead = true;
        this.logger.info({ host: target.address }, 'ssh: connection ended');
      });
      this.logger.info(
        { host: target.address, tookMs: Math.round(performance.now() - startedAt) },
        'ssh: connected',
      );
      const connection: PooledConnection = {
        client,
        sessions: new Slots(SESSIONS),
        rescue: new Slots(RESCUE_SESSIONS),
        isInSh: null,
        isDead: () => dead,
      };
      return connection;
    } finally {
      place();
    }
  }

  private handshakesOf(target: SshTarget): Slots {
    const address = `${target.host}:${target.port}`;
    const slots = this.handshakes.get(address) ?? new Slots(HANDSHAKES_PER_HOST);
    this.handshakes.set(address, slots);
    return slots;
  }
}
