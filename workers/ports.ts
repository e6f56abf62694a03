/** Asking whether a port is free before something native fails on it with less to say. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Endpoint } from './configuration.js';

export async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** The endpoint when it can be served, null when it is off or a default that is taken. Throws for one the user named. */
export async function available(
  name: string,
  endpoint: Endpoint | null,
  warn: (message: string) => void,
): Promise<Endpoint | null> {
  if (endpoint === null || (await isFree(endpoint.host, endpoint.port))) return endpoint;
  const taken = `${endpoint.host}:${endpoint.port} is taken`;
  if (endpoint.required)
    throw new Error(`${name}: ${taken} by another program; choose another address, or off`);
  warn(`${name}: ${taken}; this worker goes without`);
  return null;
}
