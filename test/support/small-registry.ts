/** A registry that only answers what is under a tag or a digest: `team/app:first` → digest; a number = that status. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SmallRegistry {
  /** `127.0.0.1:4711` */
  server: string;
  /** What was asked, oldest first: `HEAD team/app:first`. */
  asked: string[];
  stop(): Promise<void>;
}

/** A login that it does not look at. */
export const NOBODY = { username: 'nobody', password: 'not-looked-at' };

export async function startSmallRegistry(
  images: Record<string, string | number>,
  host = '127.0.0.1',
): Promise<SmallRegistry> {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const [, name = '', reference = ''] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(request.url ?? '') ?? [];
    const image = `${name}${reference.includes(':') ? '@' : ':'}${reference}`;
    asked.push(`${request.method ?? ''} ${image}`);
    const found = images[image] ?? 404;
    response.writeHead(
      typeof found === 'number' ? found : 200,
      typeof found === 'number' ? {} : { 'docker-content-digest': found },
    );
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    server: `${host}:${(server.address() as AddressInfo).port}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
