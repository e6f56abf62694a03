/**
 * The cache of GitHub Actions as BuildKit speaks with it: entries are reserved, uploaded as blobs of Azure and finalized
 * (`github.actions.results.api.v1.CacheService`). An entry is there only once it is finalized, and never changes.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { portOf } from './registry.js';

export interface ActionsCache {
  /** What a job has in its environment. */
  readonly variables: Record<string, string>;
  readonly token: string;
  /** Keys that were asked for. */
  readonly asked: string[];
  /** Keys of finalized entries. */
  keys(): string[];
  stop(): void;
}

interface Entry {
  blob: Buffer;
  isFinal: boolean;
}

export async function startActionsCache(): Promise<ActionsCache> {
  const entries = new Map<string, Entry>();
  const blocks = new Map<string, Buffer>();
  const asked: string[] = [];
  const token = jobToken();

  const blobUrl = (key: string): string =>
    `http://127.0.0.1:${portOf(server)}/blobs/${encodeURIComponent(key)}`;

  /** Newest first, as prefixes are looked for. */
  function find(wanted: string[]): string | undefined {
    const final = [...entries].filter(([, { isFinal }]) => isFinal).map(([key]) => key);
    return wanted.flatMap((prefix) => final.toReversed().filter((key) => key.startsWith(prefix)))[0];
  }

  function call(method: string, body: { key: string; restore_keys?: string[] }): object {
    const entry = entries.get(body.key);
    switch (method) {
      case 'GetCacheEntryDownloadURL': {
        const key = find([body.key, ...(body.restore_keys ?? [])]);
        asked.push(body.key);
        if (key === undefined) return { ok: false };
        return { ok: true, signed_download_url: blobUrl(key), matched_key: key };
      }
      case 'CreateCacheEntry':
        if (entry !== undefined) return { ok: false };
        entries.set(body.key, { blob: Buffer.alloc(0), isFinal: false });
        return { ok: true, signed_upload_url: blobUrl(body.key) };
      case 'FinalizeCacheEntryUpload':
        if (entry === undefined) return { ok: false };
        entry.isFinal = true;
        return { ok: true, entry_id: '1' };
      default:
        throw new Error(`nobody asks for ${method}`);
    }
  }

  /** `comp=block` keeps a piece, `comp=blocklist` puts the pieces together; without either it is all at once. */
  function upload(key: string, query: URLSearchParams, body: Buffer): void {
    const entry = entries.get(key);
    if (entry === undefined) throw new Error(`${key} was not reserved`);
    const id = query.get('blockid') ?? '';
    if (query.get('comp') === 'block') blocks.set(`${key} ${id}`, body);
    else if (query.get('comp') === 'blocklist') {
      const ids = [...body.toString().matchAll(/<Latest>([^<]+)<\/Latest>/g)];
      entry.blob = Buffer.concat(ids.map(([, each = '']) => blocks.get(`${key} ${each}`) ?? Buffer.alloc(0)));
    } else entry.blob = body;
  }

  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://cache');
      const body = Buffer.concat(chunks);
      response.setHeader('x-ms-request-id', randomUUID());
      if (url.pathname.startsWith('/twirp/github.actions.results.api.v1.CacheService/')) {
        if (request.headers.authorization !== `Bearer ${token}`) {
          response.writeHead(401).end('{}');
          return;
        }
        const answer = call(url.pathname.split('/').at(-1) ?? '', JSON.parse(body.toString()));
        response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
        return;
      }
      const key = decodeURIComponent(url.pathname.slice('/blobs/'.length));
      if (request.method === 'PUT') {
        upload(key, url.searchParams, body);
        response.writeHead(201).end();
        return;
      }
      const range = /bytes=(\d+)-/.exec(String(request.headers['x-ms-range'] ?? request.headers.range ?? ''));
      const rest = (entries.get(key)?.blob ?? Buffer.alloc(0)).subarray(Number(range?.[1] ?? 0));
      response.writeHead(range === null ? 200 : 206, { 'content-length': rest.length }).end(rest);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    token,
    variables: {
      ACTIONS_RUNTIME_TOKEN: token,
      ACTIONS_RESULTS_URL: `http://127.0.0.1:${portOf(server)}/`,
      ACTIONS_CACHE_SERVICE_V2: 'True',
    },
    asked,
    keys: () => [...entries].filter(([, { isFinal }]) => isFinal).map(([key]) => key),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** BuildKit reads in it which caches the job may write, and until when. */
function jobToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const ac = JSON.stringify([{ Scope: 'refs/heads/main', Permission: 3 }]);
  return `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode({ nbf: now - 60, exp: now + 3600, ac, id: randomUUID() })}.c2ln`;
}
