/** One SSH connection: socket, host key, keys. Throws a ConnectionProblem that says what to do. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { Client, type ConnectConfig, type ServerHostKeyAlgorithm } from 'ssh2';
import { ConnectionProblem, explainConnectError, hostKeyProblem, type Shown } from './connection-problem.js';
import { offerKeys } from './keys.js';
import { judgeHostKey, knownKeyTypes, parseKnownHosts, type KnownHostsLine } from './known-hosts.js';

export interface SshTarget extends Shown {
  host: string;
  user: string;
  /** Reference of the private key; null = agent, then ~/.ssh. */
  key: string | null;
  /** Text of a known_hosts file that came with the plan; null = the worker's files. */
  knownHosts: string | null;
  /** Connected through this one. */
  via: SshTarget | null;
}

export interface ConnectParts {
  resolveSecret: (reference: string) => Promise<string>;
  /** The worker's known_hosts files. */
  knownHostsFiles: string[];
}

const CONNECT_TIMEOUT_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 20_000;
/** A connection that says nothing three times in a row is dead: 15 s. */
const KEEPALIVE_MS = 5000;
const KEEPALIVES_MISSED = 3;

const HOST_KEY_ALGORITHMS: Record<string, ServerHostKeyAlgorithm[]> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** Same text = same connection: one per user, address, key and way there. */
export function targetId(target: SshTarget): string {
  const { user, host, port, key, knownHosts, via } = target;
  const trusted = knownHosts === null ? null : createHash('sha256').update(knownHosts).digest('hex');
  return JSON.stringify([user, host, port, key, trusted, via === null ? null : targetId(via)]);
}

/** `jump` is the open connection to `target.via`. */
export async function connect(target: SshTarget, parts: ConnectParts, jump: Client | null): Promise<Client> {
  const trusted = await readKnownHosts(target, parts.knownHostsFiles);
  const keys = await offerKeys(target.user, target.key, parts.resolveSecret);
  const socket = jump === null ? await openSocket(target) : await forward(jump, target);
  const client = new Client();
  let hostKey: ConnectionProblem | null = null;
  const config: ConnectConfig = {
    sock: socket,
    username: target.user,
    authHandler: keys.methods,
    algorithms: { serverHostKey: hostKeyAlgorithms(knownKeyTypes(trusted.lines, target.host, target.port)) },
    readyTimeout: HANDSHAKE_TIMEOUT_MS,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: KEEPALIVES_MISSED,
    // ssh2 takes anything but a strict false as a yes: this must stay synchronous and boolean
    hostVerifier: (key: Buffer): boolean => {
      const judged = judgeHostKey(trusted.lines, target.host, target.port, key);
      if (judged.verdict === 'trusted') return true;
      hostKey = hostKeyProblem(judged, key, target, trusted.files);
      return false;
    },
  };
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.once('close', () => {
        reject(new Error('the connection was closed'));
      });
      client.on('error', (error: Error & { level?: string }) => {
        // an agent that fails is one key less; the next method is tried
        if (error.level !== 'agent') reject(error);
      });
      client.connect(config);
    });
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw hostKey ?? explainConnectError(toError(error), target, keys.names);
  }
  return client;
}

async function readKnownHosts(
  target: SshTarget,
  files: string[],
): Promise<{ lines: KnownHostsLine[]; files: string[] }> {
  if (target.knownHosts !== null) {
    const name = "the repository's known_hosts";
    return { lines: parseKnownHosts(target.knownHosts, name), files: [name] };
  }
  const lines = await Promise.all(files.map(async (file) => parseKnownHosts(await readOrEmpty(file), file)));
  return { lines: lines.flat(), files };
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new ConnectionProblem(
      `${file} cannot be read by the worker`,
      'make it readable for the worker (docs/hosts.md#host-keys)',
      'refusal',
      String(error),
    );
  }
}

/** Known types first: a server asked for another type would show a key nobody can judge. */
function hostKeyAlgorithms(known: string[]): ServerHostKeyAlgorithm[] {
  const wanted = [...known, ...Object.keys(HOST_KEY_ALGORITHMS)];
  return [...new Set(wanted.flatMap((type) => HOST_KEY_ALGORITHMS[type] ?? []))];
}

async function openSocket(target: SshTarget): Promise<net.Socket> {
  // without noDelay every command on a warm connection takes 40 ms more
  const socket = net.connect({ host: target.host, port: target.port, noDelay: true });
  const timeout = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    await once(socket, 'connect', { signal: timeout });
    return socket;
  } catch (error) {
    socket.destroy();
    const seen = timeout.aborted
      ? Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })
      : toError(error);
    throw explainConnectError(seen, target, []);
  }
}

function forward(jump: Client, target: SshTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    jump.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
      if (error === undefined) {
        resolve(channel);
        return;
      }
      reject(
        new ConnectionProblem(
          `the jump host ${target.via?.address ?? ''} could not reach ${target.address} (port ${target.port}): ${error.message}`,
          'check the address, and AllowTcpForwarding on the jump host (docs/hosts.md#jump-hosts)',
          'outage',
          error.message,
        ),
      );
    });
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
