/**
 * Caddy's admin API, from the proxy's host. What only looks goes through a forwarded connection; what writes is a
 * command there, so that it is fenced like every other.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { askHttp, type HttpAnswer } from '../checks/http-request.js';
import { refused } from '../failure.js';
import type { Host } from '../hosts/host.js';
import { isMap } from './caddy-config.js';

const TIMEOUT_MS = 10_000;
const MOST_TRIES = 5;
const PAUSE_MS = 20;
const CONFIGURATION_BYTES = 32 * 1024 * 1024;

export interface AdminAnswer {
  status: number;
  /** null = the answer was no JSON. */
  body: unknown;
}

/** The configuration at `path`, and what If-Match compares. Refused when Caddy says no; retryable when it is down. */
export async function readConfiguration(
  host: Host,
  admin: string,
  path: string,
): Promise<{ tree: unknown; etag: string }> {
  const answer = await askAdmin(host, admin, path);
  const body = readJson(answer.body);
  const { etag } = answer.headers;
  if (answer.status === 200 && etag !== undefined) return { tree: body, etag };
  throw refuseAdmin(host, admin, `to GET ${path}`, { status: answer.status, body });
}

/** Again where it was cut off: so it does with whoever asks while somebody else tells it something. */
async function askAdmin(host: Host, admin: string, path: string): Promise<HttpAnswer> {
  const { hostname, port } = new URL(admin);
  for (let tries = 1; ; tries += 1) {
    try {
      return await askHttp({
        url: new URL(path, admin),
        timeoutMs: TIMEOUT_MS,
        mostBytes: CONFIGURATION_BYTES,
        connection: await host.connectFrom(hostname, Number(port || 80), TIMEOUT_MS),
      });
    } catch (error) {
      const wasCutOff = error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
      if (!wasCutOff) throw error;
      if (tries === MOST_TRIES)
        throw new Error(`${host.name}: Caddy's admin API ${admin} cuts connections off`, { cause: error });
      await sleep(PAUSE_MS * tries);
    }
  }
}

/** The text of a request that changes one object, if nothing under the tag's path has changed since. */
export function buildPatch(admin: string, path: string, etag: string, value: unknown): string {
  const body = JSON.stringify(value);
  const headers: OutgoingHttpHeaders = {
    Host: new URL(admin).host,
    'Content-Type': 'application/json',
    'If-Match': etag,
    'Content-Length': Buffer.byteLength(body),
  };
  const lines = Object.entries(headers).map(([name, content]) => `${name}: ${String(content)}`);
  // 1.0: the answer is not in chunks, and ends with the connection
  return [`PATCH ${path} HTTP/1.0`, ...lines, '', body].join('\r\n');
}

/** null = what came is no answer of HTTP. */
export function readAnswer(text: string): AdminAnswer | null {
  const [, status, body = ''] =
    /^HTTP\/1\.[01] (\d{3})[^\n]*\n(?:[^\n]+\n)*?\r?\n([\s\S]*)$/.exec(text) ?? [];
  return status === undefined ? null : { status: Number(status), body: readJson(body) };
}

export function refuseAdmin(host: Host, admin: string, what: string, { status, body }: AdminAnswer): Error {
  const said = isMap(body) && typeof body['error'] === 'string' ? body['error'] : null;
  return refused({
    what: `Caddy's admin API ${admin} answers ${status} ${what}${said === null ? '' : `: ${said}`}`,
    where: host.name,
    why: said,
    wayOut: 'name its address and path as Caddy knows them (docs/traffic.md)',
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
