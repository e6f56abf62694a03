/** One HTTP question with bounds on time and size; whatever goes wrong below HTTP is a retryable failure. */
import { explainUnreachable, notARegistry, type Asked, type HttpAnswer } from './registry-failure.js';

const TIMEOUT_MS = 30_000;
const LARGEST_BYTES = 8 * 1024 * 1024;

export async function askHttp(
  asked: Asked,
  url: URL,
  request: {
    method: 'GET' | 'HEAD' | 'PUT';
    headers: Record<string, string>;
    body?: Buffer | undefined;
    redirect?: 'follow' | 'error';
    signal: AbortSignal | undefined;
  },
): Promise<HttpAnswer> {
  const signals = [
    AbortSignal.timeout(TIMEOUT_MS),
    ...(request.signal === undefined ? [] : [request.signal]),
  ];
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let response: Response;
  try {
    response = await fetch(url, {
      method: request.method,
      headers: request.headers,
      redirect: request.redirect ?? 'follow',
      signal: AbortSignal.any(signals),
      ...(request.body === undefined ? {} : { body: new Uint8Array(request.body) }),
    });
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > LARGEST_BYTES) break;
      chunks.push(chunk);
    }
  } catch (error) {
    request.signal?.throwIfAborted();
    throw explainUnreachable({ ...asked, server: url.host }, error);
  }
  if (bytes > LARGEST_BYTES) throw notARegistry(asked, 'its answer is larger than 8 MB');
  return { status: response.status, headers: response.headers, body: Buffer.concat(chunks) };
}
