/** One call of the Docker Engine's API: answers are `unknown` until a schema has read them, refusals are `EngineError`. */
import type Docker from 'dockerode';

const CALL_TIMEOUT_MS = 30_000;

export interface EngineCall {
  method: 'GET' | 'POST' | 'DELETE';
  /** `/services/web/update`, without version and query. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** Sent as X-Registry-Auth. */
  auth?: RegistryAuth | null;
}

/** What the Engine sends on to a registry. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

/** The Engine answered, and the answer was no. Anything else thrown here means it could not be asked. */
export class EngineError extends Error {
  constructor(
    readonly status: number,
    readonly answer: string,
    call: EngineCall,
  ) {
    super(`docker ${call.method} ${call.path}: ${status} ${answer}`);
    this.name = 'EngineError';
  }
}

interface Modem {
  dial(options: object, callback: (error: unknown, answer: unknown) => void): void;
}

export async function callEngine(docker: Docker, call: EngineCall): Promise<unknown> {
  const modem: Modem = docker.modem;
  // docker-modem never calls back when the connection breaks in the middle of an answer.
  const overdue = AbortSignal.timeout(CALL_TIMEOUT_MS);
  return await new Promise<unknown>((resolve, reject) => {
    overdue.addEventListener('abort', () =>
      reject(new Error(`docker ${call.method} ${call.path}: no answer within ${CALL_TIMEOUT_MS} ms`)),
    );
    modem.dial(
      {
        method: call.method,
        path: `${call.path}?`,
        options: { _query: call.query ?? {}, _body: call.body ?? {} },
        // Without this docker-modem takes every answer for a refusal.
        statusCodes: { 200: true, 201: true, 204: true },
        abortSignal: overdue,
        ...(call.auth === undefined || call.auth === null ? {} : { authconfig: call.auth }),
      },
      (error, answer) => (error === null ? resolve(answer) : reject(asEngineError(error, call))),
    );
  });
}

function asEngineError(error: unknown, call: EngineCall): unknown {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number')
    return error;
  const json: unknown = 'json' in error ? error.json : null;
  const said =
    typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string'
      ? json.message
      : error.message;
  return new EngineError(error.statusCode, said, call);
}

export function isMissing(error: unknown): boolean {
  return error instanceof EngineError && error.status === 404;
}

/** Somebody wrote between our read and our write. */
export function isOutOfSequence(error: unknown): boolean {
  return error instanceof EngineError && error.answer.includes('update out of sequence');
}
