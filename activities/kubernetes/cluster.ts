/** One cluster's API: JSON over kept connections, bounded in time and size. What the server says no to is named. */
import http from 'node:http';
import https from 'node:https';
import { z } from 'zod';
import { refused, unreachable } from '../failure.js';
import type { ClusterAccess } from './kubeconfig.js';

export interface Question {
  method: 'GET' | 'POST' | 'PATCH';
  /** `/apis/apps/v1/namespaces/web/deployments/app`, its words encoded. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

export interface Cluster {
  readonly access: ClusterAccess;
  /** `10.0.0.1:6443`, for messages. */
  readonly name: string;
  /** The object; null = 404. Throws Conflict, Refused for 401, 403 and 422, retryable for what may pass. */
  ask(question: Question): Promise<unknown>;
  /** As `ask`, for what is not JSON: a log. */
  read(question: Question): Promise<string | null>;
}

/** Ours, by which the cluster remembers who wrote what. */
export const OUR_MANAGER = 'slipway';

/** Somebody else wrote between our look and our write. */
export class Conflict extends Error {}

const TIMEOUT_MS = 30_000;
const IDLE_MS = 10_000;
const LARGEST_BYTES = 32 * 1024 * 1024;

const statusSchema = z.looseObject({ message: z.string().optional(), reason: z.string().optional() });

export function openCluster(access: ClusterAccess): Cluster {
  const isPlain = access.server.protocol === 'http:';
  const { identity } = access;
  const agent = isPlain
    ? new http.Agent({ keepAlive: true, timeout: IDLE_MS })
    : new https.Agent({
        keepAlive: true,
        timeout: IDLE_MS,
        ...(access.authority === null ? {} : { ca: access.authority }),
        ...(access.serverName === null ? {} : { servername: access.serverName }),
        ...(identity.kind === 'certificate' ? { cert: identity.certificate, key: identity.key } : {}),
      });
  const name = access.server.host;

  const read = async (question: Question): Promise<string | null> => {
    const url = new URL(access.server);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${question.path}`;
    for (const [key, value] of Object.entries(question.query ?? {})) url.searchParams.set(key, value);
    const answer = await send(url, question, agent, identity.kind === 'token' ? identity.token : null).catch(
      (error: unknown) => {
        question.signal?.throwIfAborted();
        throw explainNoAnswer(name, error);
      },
    );
    if (answer.status === 404) return null;
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw explainAnswer(access, name, question, answer);
  };

  return {
    access,
    name,
    read,
    ask: async (question) => {
      const body = await read(question);
      return body === null ? null : (JSON.parse(body) as unknown);
    },
  };
}

interface Answer {
  status: number;
  body: string;
}

function send(
  url: URL,
  { method, body, signal }: Question,
  agent: http.Agent,
  token: string | null,
): Promise<Answer> {
  const sent = body === undefined ? null : JSON.stringify(body);
  // a strategic merge knows containers by their names; what we do not name stays as it is
  const type =
    method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json; charset=utf-8';
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? http : https).request(url, {
      method,
      agent,
      headers: {
        'user-agent': OUR_MANAGER,
        accept: 'application/json, */*',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(sent === null ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(sent) }),
      },
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal === undefined ? [] : [signal])]),
    });
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LARGEST_BYTES) response.destroy(new Error('its answer is larger than 32 MB'));
        else chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
      });
    });
    request.end(sent ?? undefined);
  });
}

const WRONG_CERTIFICATE =
  /CERT_HAS_EXPIRED|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME_INVALID|CERT_SIGNATURE/;

function explainNoAnswer(name: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const said = error instanceof Error ? error.message : String(error);
  const where = `cluster ${name}`;
  if (WRONG_CERTIFICATE.test(code))
    return refused({
      what: `the certificate of the API server is not the one the kubeconfig vouches for (${said})`,
      where,
      why: null,
      wayOut:
        'if the cluster was given new certificates, put its new certificate-authority-data into the kubeconfig',
    });
  return unreachable({
    what: `the API server cannot be reached: ${said === '' ? code : said}`,
    where,
    why: null,
    wayOut: 'see that it runs and that the worker may connect to it; it is tried again by itself',
  });
}

function explainAnswer(
  access: ClusterAccess,
  name: string,
  { method, path }: Question,
  { status, body }: Answer,
): Error {
  const said = saidIn(body);
  const where = `cluster ${name}`;
  if (status === 409) return new Conflict(said);
  if (status === 401) return noLongerKnown(access, name);
  if (status === 403)
    return refused({
      what: `the kubeconfig's user may not do this: ${said}`,
      where,
      why: null,
      wayOut: 'give it a Role with this right in that namespace (docs/kubernetes.md#rights)',
    });
  if (status === 429 || status >= 500)
    return unreachable({
      what: `the API server answers ${status}: ${said}`,
      where,
      why: null,
      wayOut: 'see what is wrong with the cluster; it is tried again by itself',
    });
  return refused({
    what: `the API server refuses ${method} ${path}: ${said}`,
    where,
    why: null,
    wayOut: 'correct what it names, then release again',
  });
}

/** What 401 means: expired when the credentials themselves say so. */
export function noLongerKnown({ identity, expiresAt }: ClusterAccess, name: string): Error {
  const thing = identity.kind === 'token' ? 'token' : 'client certificate';
  const expired = expiresAt !== null && expiresAt.getTime() < Date.now();
  return refused({
    what: expired
      ? `the kubeconfig's ${thing} expired on ${expiresAt.toISOString()}`
      : `the cluster refuses the kubeconfig's ${thing}`,
    where: `cluster ${name}`,
    why: null,
    wayOut: 'put a new kubeconfig where the reference points to (docs/kubernetes.md#kubeconfig)',
  });
}

function saidIn(body: string): string {
  try {
    const { message, reason } = statusSchema.parse(JSON.parse(body));
    return message ?? reason ?? body.slice(0, 300);
  } catch {
    return body.slice(0, 300).trim();
  }
}
