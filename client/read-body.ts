/** A request's body, never more of it than allowed: neither of one request nor of all at once. */
import type { IncomingMessage } from 'node:http';

export type Body =
  | { kind: 'whole'; text: string }
  /** Bytes that are no UTF-8: read as text they would be others than those that were signed. */
  | { kind: 'no-text' }
  /** More than `one`. */
  | { kind: 'too-large' }
  /** Others fill the memory just now. */
  | { kind: 'too-much-at-once' }
  /** The sender went away, or was too slow. */
  | { kind: 'cut-off' };

export interface BodyLimits {
  /** Bytes of one request. */
  one: number;
  /** Bytes of all requests at one moment. */
  all: number;
}

export type BodyReader = (request: IncomingMessage) => Promise<Body>;

/** What is refused is read on and thrown away, so that the sender gets to read the answer. */
export function createBodyReader(limits: BodyLimits): BodyReader {
  let held = 0;
  return async (request) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const letGo = (): void => {
      held -= size;
      size = 0;
      chunks.length = 0;
    };
    if (Number(request.headers['content-length'] ?? 0) > limits.one) {
      request.resume();
      return { kind: 'too-large' };
    }
    return await new Promise<Body>((resolve) => {
      const settle = (body: Body): void => {
        letGo();
        request.removeListener('data', take);
        request.resume();
        resolve(body);
      };
      const take = (chunk: Buffer): void => {
        chunks.push(chunk);
        size += chunk.length;
        held += chunk.length;
        if (size > limits.one) settle({ kind: 'too-large' });
        else if (held > limits.all) settle({ kind: 'too-much-at-once' });
      };
      request.on('data', take);
      request.once('end', () => settle(readText(Buffer.concat(chunks, size))));
      request.once('error', () => settle({ kind: 'cut-off' }));
      request.once('close', () => settle({ kind: 'cut-off' }));
    });
  };
}

/** Each text has one spelling in bytes, a byte order mark included. */
function readText(bytes: Buffer): Body {
  try {
    return { kind: 'whole', text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { kind: 'no-text' };
  }
}
