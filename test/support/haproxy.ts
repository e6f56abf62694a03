/** A real HAProxy of our own in master-worker mode, with everything in a private folder that `stop()` removes. */
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { part } from './parts.js';
import { runProxy } from './run-proxy.js';

export interface Haproxy {
  /** Stands for `/etc/haproxy` and `/run/haproxy`; the configuration is `haproxy.cfg` in it. */
  readonly folder: string;
  readonly configuration: string;
  start(socket: string): Promise<void>;
  /** SIGUSR2: the master reads the configuration again and starts new workers. */
  reload(): void;
  crash(): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

/** Not started yet: write `configuration` first. */
export async function createHaproxy(): Promise<Haproxy> {
  const program = await part('haproxy');
  const folder = await mkdtemp(path.join(tmpdir(), 'slw-haproxy-'));
  const configuration = path.join(folder, 'haproxy.cfg');
  const running = runProxy({ program, argv: ['-W', '-f', configuration], folder });
  return {
    ...running,
    folder,
    configuration,
    start: async (socket) => {
      await rm(socket, { force: true });
      await running.start(() =>
        access(socket).then(
          () => true,
          () => false,
        ),
      );
    },
    reload: () => {
      running.signal('SIGUSR2');
    },
  };
}
