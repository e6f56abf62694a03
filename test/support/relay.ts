/** A way to a server that can be cut, as if the server had died: whoever comes then is turned away, and counted. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { listen } from './listen.js';

export interface Relay {
  address: string;
  cut(): void;
  /** Lets pass again. */
  mend(): void;
  refused(): number;
}

/** Until the test is over. */
export async function startRelay(to: string): Promise<Relay> {
  const [host = '', port = ''] = to.split(':');
  const open = new Set<Socket>();
  let isCut = false;
  let refused = 0;
  const server = createServer((near) => {
    if (isCut) {
      refused += 1;
      near.destroy();
      return;
    }
    const far = connect(Number(port), host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  const address = `127.0.0.1:${await listen(server)}`;
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  onTestFinished(async () => {
    cut();
    server.close();
    await once(server, 'close');
  });
  return {
    address,
    cut,
    mend: () => {
      isCut = false;
    },
    refused: () => refused,
  };
}
