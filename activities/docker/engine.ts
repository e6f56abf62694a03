/**
 * A host's Docker Engine API over SSH: `docker system dial-stdio` there, as `DOCKER_HOST=ssh://` does (it follows
 * the host's own DOCKER_HOST), or its socket directly when the host has no docker command.
 */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import type { Shell } from '../hosts/shell.js';
import { unreachable } from '../failure.js';

const SOCKET = '/var/run/docker.sock';
/** Each takes one of the connection's eight sessions while it lives. */
const MOST_CHANNELS = 3;
/** An idle channel is kept this long: a call on a kept one takes 8 ms, on a new one 100 and more. */
const IDLE_MS = 15_000;
const PROBE_TIMEOUT_MS = 10_000;

type Way = 'dial-stdio' | 'socket';

/** A function that gives the host's engine, connected on first use and then kept. */
export function connectDocker(shell: Shell, where: string): () => Promise<Docker> {
  let docker: Promise<Docker> | null = null;
  const open = async (): Promise<Docker> => {
    const way = await findWay(shell, where);
    const agent = new ChannelAgent(() =>
      way === 'dial-stdio' ? shell.stream('exec docker system dial-stdio') : shell.connectSocket(SOCKET),
    );
    // the address is never looked up: the agent's channels lead to the engine
    const options: Docker.DockerOptions & { agent: http.Agent } = {
      protocol: 'http',
      host: 'docker',
      port: 80,
      agent,
    };
    return new Docker(options);
  };
  return () => {
    docker ??= open();
    docker.catch(() => {
      docker = null;
    });
    return docker;
  };
}

/** The worker's own engine: DOCKER_HOST, else the socket. */
export function connectLocalDocker(): () => Promise<Docker> {
  let docker: Docker | null = null;
  return async () => {
    docker ??= new Docker();
    return docker;
  };
}

async function findWay(shell: Shell, where: string): Promise<Way> {
  const probe = await shell.execute({
    script: `command -v docker >/dev/null && echo dial-stdio || echo socket`,
    timeoutMs: PROBE_TIMEOUT_MS,
    keepBytes: 1024,
  });
  if (probe.connectionLost || probe.timedOut) {
    throw unreachable({
      what: 'the connection was lost while looking for Docker',
      where,
      why: null,
      wayOut: 'tried again by itself',
    });
  }
  return probe.stdout.toString().trim() === 'socket' ? 'socket' : 'dial-stdio';
}

/** What Node's HTTP client calls on a TCP socket, which a channel has no use for. */
interface SocketManners {
  setKeepAlive(): void;
  setNoDelay(): void;
  setTimeout(): void;
  ref(): void;
  unref(): void;
}

/** An HTTP agent whose connections are byte streams to the engine. */
class ChannelAgent extends http.Agent {
  constructor(private readonly open: () => Promise<Duplex>) {
    super({ keepAlive: true, maxSockets: MOST_CHANNELS, maxFreeSockets: MOST_CHANNELS });
  }

  override createConnection(
    _options: http.ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    this.open().then(
      (channel) => done?.(null, withManners(channel)),
      // the stream is not looked at when there is an error
      (error: unknown) => (done as ((error: unknown) => void) | undefined)?.(error),
    );
    return undefined;
  }
}

function withManners(channel: Duplex): Duplex {
  let idle: NodeJS.Timeout | undefined;
  const manners: SocketManners = {
    // called when the agent puts the connection aside
    setKeepAlive: () => {
      idle = setTimeout(() => channel.destroy(), IDLE_MS);
      idle.unref();
    },
    setNoDelay: () => undefined,
    setTimeout: () => undefined,
    // called when the agent takes it up again
    ref: () => {
      clearTimeout(idle);
    },
    unref: () => undefined,
  };
  explainEarlyEnd(channel);
  channel.once('close', () => {
    clearTimeout(idle);
  });
  return Object.assign(channel, manners);
}

/** dial-stdio that cannot reach the engine says so on stderr and ends; HTTP alone would call it a hang-up. */
function explainEarlyEnd(channel: Duplex): void {
  const stderr = 'stderr' in channel ? channel.stderr : undefined;
  if (stderr === undefined) return;
  let said = '';
  (stderr as NodeJS.ReadableStream).on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2048);
  });
  channel.once('exit', (code: number | null) => {
    if (code !== 0) channel.destroy(new Error(`docker system dial-stdio: ${said.trim() || `exit ${code}`}`));
  });
}
