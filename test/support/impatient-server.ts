/** Closes each kept connection in the moment it is used again, as any server may whose patience with it is over. */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { listen } from './listen.js';

export interface ImpatientServer {
  port: number;
  /** Questions on a connection that was used before; none was answered. */
  lost(): number;
  stop(): void;
}

export async function startImpatientServer(): Promise<ImpatientServer> {
  const used = new WeakSet<Socket>();
  let lost = 0;
  const server = createServer((request, response) => {
    if (used.has(request.socket)) {
      lost += 1;
      request.socket.resetAndDestroy();
      return;
    }
    used.add(request.socket);
    response.end('here\n');
  });
  const port = await listen(server);
  return {
    port,
    lost: () => lost,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
