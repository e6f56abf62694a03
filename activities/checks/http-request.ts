/** One GET, bounded in time and size, over a kept, a new, or a given connection. Redirects are answers. */
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';

export interface HttpQuestion {
  url: URL;
  headers?: Record<string, string>;
  timeoutMs: number;
  signal?: AbortSignal;
  /** Kept connections; absent = a connection of its own. */
  agent?: http.Agent;
  /** How much of the body is kept; default 64 KB. */
  mostBytes?: number;
  /** An open TCP connection to use instead of making one. */
  connection?: Duplex;
}

export interface HttpAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** The first `mostBytes`. */
  body: string;
}

const BODY_BYTES = 64 * 1024;

/** The question's own `timeoutMs` was over. */
export class NoAnswerInTime extends Error {}

/** Rejects with an Error whose message says what the network did; with the signal's reason when aborted. */
export async function askHttp(question: HttpQuestion): Promise<HttpAnswer> {
  try {
    return await askOnce(question);
  } catch (error) {
    if (!(error instanceof ReusedConnectionLost)) throw error;
    // The server closed a kept connection in the moment it was used again: nothing was answered. Asked anew on a
    // connection of its own, since the other kept ones may be as old.
    const { agent: _, ...alone } = question;
    return askOnce(alone);
  }
}

class ReusedConnectionLost extends Error {}

/** Connections that have answered: `reusedSocket` is wrong for a question that queued for one. */
const haveAnswered = new WeakSet<Duplex>();

async function askOnce(question: HttpQuestion): Promise<HttpAnswer> {
  const { url, timeoutMs, signal, connection, mostBytes = BODY_BYTES } = question;
  signal?.throwIfAborted();
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(url, {
      agent: question.agent ?? (connection === undefined ? false : undefined),
      headers: { 'user-agent': 'slipway', accept: '*/*', ...question.headers },
      ...(url.username === '' ? {} : { auth: `${decode(url.username)}:${decode(url.password)}` }),
      ...(connection === undefined ? {} : { createConnection: () => onto(connection, secure ? url : null) }),
    });
    const timer = setTimeout(
      () => request.destroy(new NoAnswerInTime(`no answer within ${timeoutMs / 1000}s`)),
      timeoutMs,
    );
    const abort = (): void => {
      request.destroy(signal?.reason instanceof Error ? signal.reason : new Error(String(signal?.reason)));
    };
    signal?.addEventListener('abort', abort, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      connection?.destroy();
    };
    let isReused = false;
    request.once('socket', (socket) => {
      isReused = haveAnswered.has(socket);
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      const lost = error.code === 'ECONNRESET' && isReused;
      reject(lost ? new ReusedConnectionLost(error.message) : error);
    });
    request.once('response', (response) => {
      haveAnswered.add(response.socket);
      const chunks: Buffer[] = [];
      let bytes = 0;
      const finish = (): void => {
        settle();
        const body = Buffer.concat(chunks).subarray(0, mostBytes).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes <= mostBytes) return;
        response.removeAllListeners('error').on('error', () => {});
        finish();
        request.destroy();
      });
      response.once('error', (error) => {
        settle();
        reject(error);
      });
      response.once('end', finish);
    });
    request.end();
  });
}

function onto(connection: Duplex, tlsFor: URL | null): Duplex {
  if (tlsFor === null) return connection;
  return tls.connect({ socket: connection, servername: tlsFor.hostname });
}

function decode(text: string): string {
  return decodeURIComponent(text);
}
