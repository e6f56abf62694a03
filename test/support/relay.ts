/** A way to a server that can be cut: from then on whoever comes is turned away, and counted. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen.js';

export interface Relay {
  address: string;
  cut(): void;
  refused(): number;
  stop(): Promise<void>;
}

export async function startRelay(address: string): Promise<Relay> {
  const [host = '', port = ''] = address.split(':');
  const open = new Set<Socket>();
  let isCut = false;
  let refused = 0;
  const server = createServer((socket) => {
    if (isCut) {
      refused += 1;
      socket.destroy();
      return;
    }
    const other = connect(Number(port), host);
    for (const [one, two] of [
      [socket, other],
      [other, socket],
    ] as const) {
      open.add(one);
      one.on('error', () => two.destroy());
      one.on('close', () => two.destroy());
      one.pipe(two);
    }
  });
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  return {
    address: `127.0.0.1:${String(await listen(server))}`,
    cut,
    refused: () => refused,
    stop: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
