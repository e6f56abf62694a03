import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Listens on loopback, for tests; the port is `port`, or any that is free. */
export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
