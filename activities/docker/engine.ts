/**
 * A host's Docker Engine API over SSH: `docker system dial-stdio` there, as `DOCKER_HOST=ssh://` does (it follows
 * the host's own DOCKER_HOST), or its socket directly when the host has no docker command.
 */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { unreachable } from '../failure.js';
import type { RemoteShell } from '../hosts/shell.js';
import { lazyStream } from './lazy-stream.js';

const SOCKET = '/var/run/docker.sock';
/** Each takes one of the connection's eight sessions while it lives. */
const MOST_CHANNELS = 3;
/** An idle channel is kept this long: a call on a kept one takes 8 ms, on a new one 100 and more. */
const IDLE_MS = 15_000;
const PROBE_TIMEOUT_MS = 10_000;

type Way = 'dial-stdio' | 'socket';

/** A function that gives the host's engine, connected on first use and then kept. */
export function connectDocker(shell: RemoteShell, where: string): () => Promise<Docker> {
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

async function findWay(shell: RemoteShell, where: string): Promise<Way> {
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

/** An HTTP agent whose connections are byte streams to the engine. */
class ChannelAgent extends http.Agent {
  constructor(private readonly open: () => Promise<Duplex>) {
    super({ keepAlive: true, maxSockets: MOST_CHANNELS, maxFreeSockets: MOST_CHANNELS });
  }

  override createConnection(): Duplex {
    return lazyStream(this.open, IDLE_MS);
  }

  /**
   * docker-modem writes out each request in full depth, for a debug log nobody reads. Through the channels in use that is
   * the whole worker, and takes it seconds in which nothing else runs.
   */
  [inspect.custom](): string {
    return 'ChannelAgent';
  }
}
