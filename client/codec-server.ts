/**
 * Temporal's remote codec protocol: `POST /decode` and `/encode` with `{payloads: [{metadata, data}]}`, values in base64.
 * It opens what was sealed with its keys, wherever that was sealed for: it shows, it does not judge. Nothing of a body is
 * ever logged.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Payload } from '@temporalio/common';
import type { PayloadKeys } from '../payloads/payload-keys.js';
import { isSealed, openPayload, PayloadRefused, sealPayload, UnknownPayloadKey } from '../payloads/seal.js';
import { createBodyReader, type Body, type BodyReader } from './read-body.js';

export interface CodecServerOptions {
  keys: PayloadKeys;
  /** `Authorization: Bearer <token>`. */
  token: string;
  /** The UI's, as browsers write it (`https://temporal.example.com`); null = no browser is let in. */
  origin: string | null;
}

/** Twice what one payload of Temporal's can be, in base64. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** Of all questions at one moment. */
const MAX_TOTAL_BYTES = 8 * MAX_BODY_BYTES;
const REQUEST_MS = 10_000;

/** Not yet listening. */
export function createCodecServer(options: CodecServerOptions): Server {
  const readBody = createBodyReader({ one: MAX_BODY_BYTES, all: MAX_TOTAL_BYTES });
  const server = createServer((request, response) => {
    answer(options, readBody, request).then(
      (given) => send(response, given, options.origin, request),
      () => send(response, refusal(500, 'failed'), options.origin, request),
    );
  });
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS;
  return server;
}

interface Answer {
  status: number;
  body: unknown;
}

async function answer(
  options: CodecServerOptions,
  readBody: BodyReader,
  request: IncomingMessage,
): Promise<Answer> {
  const path = request.url?.split('?')[0] ?? '';
  if (path !== '/decode' && path !== '/encode')
    return refusal(404, 'there are POST /decode and POST /encode');
  const { origin } = request.headers;
  if (origin !== undefined && origin !== options.origin) return refusal(403, 'not from this origin');
  if (request.method === 'OPTIONS') return { status: 204, body: null };
  if (request.method !== 'POST') return refusal(405, 'POST only');
  if (!isAuthorized(request.headers.authorization, options.token))
    return refusal(401, 'wrong or no bearer token');
  if (!(request.headers['content-type'] ?? '').startsWith('application/json'))
    return refusal(415, 'JSON only');
  const body = await readBody(request);
  if (body.kind !== 'whole') return REFUSED_BODIES[body.kind];
  const payloads = readPayloads(body.text);
  if (payloads === null) return refusal(400, 'not {"payloads": [{"metadata": {…}, "data": "…"}]} in base64');
  const namespace = request.headers['x-namespace'];
  return path === '/decode'
    ? decode(options.keys, payloads, typeof namespace === 'string' ? namespace : null)
    : encode(options.keys, payloads, typeof namespace === 'string' ? namespace : null);
}

function decode(keys: PayloadKeys, payloads: Payload[], namespace: string | null): Answer {
  try {
    return {
      status: 200,
      body: { payloads: payloads.map((payload) => writePayload(show(keys, payload, namespace))) },
    };
  } catch (error) {
    if (error instanceof PayloadRefused || error instanceof UnknownPayloadKey)
      return refusal(400, error.message);
    throw error;
  }
}

/** What is not sealed is shown as it is. Throws PayloadRefused, UnknownPayloadKey. */
function show(keys: PayloadKeys, payload: Payload, namespace: string | null): Payload {
  if (!isSealed(payload)) return payload;
  const { payload: opened, place } = openPayload(keys, payload);
  if (namespace !== null && place.namespace !== namespace)
    throw new PayloadRefused('sealed for another namespace');
  return opened;
}

/** Who asks cannot say for whom it is; workers take such a payload only where they would take plaintext. */
function encode(keys: PayloadKeys, payloads: Payload[], namespace: string | null): Answer {
  if (namespace === null) return refusal(400, 'X-Namespace is needed: payloads are sealed for a namespace');
  const place = { kind: 'anywhere', namespace, workflowId: '', activityId: '', run: '' } as const;
  const sealed = payloads.map((payload) => writePayload(sealPayload(keys.active, place, payload)));
  return { status: 200, body: { payloads: sealed } };
}

/** Compared as hashes: neither length nor first difference shows in the time. */
function isAuthorized(header: string | undefined, token: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(header ?? ''), hash(`Bearer ${token}`));
}

/** null when it is not what the protocol says. */
function readPayloads(text: string): Payload[] | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const list: unknown = isObject(body) ? (body['payloads'] ?? []) : null;
  if (!Array.isArray(list)) return null;
  const payloads = list.map(readPayload);
  return payloads.every((payload) => payload !== null) ? payloads : null;
}

function readPayload(value: unknown): Payload | null {
  if (!isObject(value)) return null;
  const { metadata = {}, data = '' } = value;
  if (!isObject(metadata) || typeof data !== 'string') return null;
  const fields: [string, Buffer][] = [];
  for (const [name, text] of Object.entries(metadata)) {
    if (typeof text !== 'string') return null;
    fields.push([name, Buffer.from(text, 'base64')]);
  }
  return { metadata: Object.fromEntries(fields), data: Buffer.from(data, 'base64') };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function writePayload(payload: Payload): { metadata: Record<string, string>; data: string } {
  const metadata = Object.entries(payload.metadata ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  return { metadata: Object.fromEntries(metadata), data: Buffer.from(payload.data ?? []).toString('base64') };
}

const REFUSED_BODIES: Record<Exclude<Body['kind'], 'whole'>, Answer> = {
  'too-large': refusal(413, `at most ${String(MAX_BODY_BYTES)} bytes`),
  'too-much-at-once': refusal(503, 'too much at once, ask again'),
  'no-text': refusal(400, 'not UTF-8'),
  'cut-off': refusal(400, 'the sender went away, or was too slow'),
};

function refusal(status: number, message: string): Answer {
  return { status, body: { message } };
}

function send(
  response: ServerResponse,
  { status, body }: Answer,
  allowed: string | null,
  request: IncomingMessage,
): void {
  const { origin } = request.headers;
  const headers: Record<string, string> = { 'cache-control': 'no-store', vary: 'origin' };
  if (origin !== undefined && origin === allowed) {
    headers['access-control-allow-origin'] = allowed;
    headers['access-control-allow-credentials'] = 'true';
    headers['access-control-allow-methods'] = 'POST, OPTIONS';
    headers['access-control-allow-headers'] = 'authorization, content-type, x-namespace';
  }
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  if (body === null) {
    response.writeHead(status, headers).end();
    return;
  }
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body));
}
