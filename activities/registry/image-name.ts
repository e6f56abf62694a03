/** Where an image lives: which server answers for it, over http or https, and under which name. */
import { BlockList, isIPv4 } from 'node:net';

export interface ImageName {
  /** As in the file and in a docker login: `cr.example.com`, `localhost:5000`, `docker.io`. */
  server: string;
  /** Where the API answers: docker.io answers elsewhere. */
  apiHost: string;
  /** Name inside the registry: `team/app`. */
  path: string;
}

/** `repository` is without tag and digest. A first part with a dot, a colon or `localhost` is a server (Docker's rule). */
export function parseImageName(repository: string): ImageName {
  const slash = repository.indexOf('/');
  const first = slash === -1 ? '' : repository.slice(0, slash);
  const named = first.includes('.') || first.includes(':') || first === 'localhost';
  const server = named ? canonicalServer(first) : 'docker.io';
  const path = named ? repository.slice(slash + 1) : repository;
  return {
    server,
    apiHost: server === 'docker.io' ? 'registry-1.docker.io' : server,
    path: server === 'docker.io' && !path.includes('/') ? `library/${path}` : path,
  };
}

/** Docker Hub has several names for one login. */
export function canonicalServer(server: string): string {
  return ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'].includes(server)
    ? 'docker.io'
    : server;
}

/**
 * May this server be spoken to without TLS? Loopback always; others when listed in `insecureRegistries`, as
 * `host`, `host:port` or an IPv4 network (`10.0.0.0/8`).
 */
export function isPlainHttp(server: string, insecureRegistries: readonly string[]): boolean {
  const host = server.startsWith('[') ? server.slice(1, server.indexOf(']')) : server.replace(/:\d+$/, '');
  if (host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))) return true;
  return insecureRegistries.some((entry) => {
    const [network = '', prefix] = entry.split('/');
    if (prefix === undefined) return entry === server || entry === host;
    if (!isIPv4(host) || !isIPv4(network)) return false;
    const list = new BlockList();
    list.addSubnet(network, Number(prefix));
    return list.check(host);
  });
}
