/** Logs, metrics and the health endpoint of a worker process. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { DefaultLogger, Runtime, type LogLevel } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import type { Endpoint } from './configuration.js';

/** Structured logs on stderr (stdout is for results); `scrub` takes every resolved secret out of every line. */
export function createLogger(level: string, scrub: (text: string) => string): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      // the SDK's name for it; without this it would be written as {}
      serializers: { error: describeError },
    },
    { write: (line: string) => process.stderr.write(scrub(line)) },
  );
}

/** Message and stack, down to the first cause; never the fields of a failure, which may hold a whole plan. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  return { name, message, stack, ...(cause instanceof Error ? { cause: describeError(cause) } : {}) };
}

/**
 * The SDK's words for a release or promotion that ended red: what it was refused for stands in its message, and it is no
 * error of the worker. What is one fails a workflow's task, and is said otherwise.
 */
const WORKFLOW_FAILED = 'Workflow failed';

/** Of the first cause: the layers around it only say where. */
function messageOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return error.cause instanceof Error ? messageOf(error.cause) : error.message;
}

const PINO_LEVEL: Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** Must run before the first worker or connection of the process. `metrics` null = off. */
export function installRuntime(logger: Logger, metrics: Endpoint | null): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      if (message === WORKFLOW_FAILED) logger.info({ ...meta, error: messageOf(meta?.['error']) }, message);
      else logger[PINO_LEVEL[level]](meta ?? {}, message);
    }),
    // We end the process ourselves, in order: worker, connections, then the embedded server.
    shutdownSignals: [],
    telemetryOptions: {
      ...(metrics === null
        ? {}
        : {
            metrics: {
              prometheus: {
                bindAddress: `${metrics.host}:${metrics.port}`,
                // Temporal's published dashboards assume these three.
                countersTotalSuffix: true,
                unitSuffix: true,
                useSecondsForDurations: true,
              },
            },
          }),
    },
  });
}

export interface HealthServer {
  close(): Promise<void>;
}

/** `GET /healthz`: 200 while every worker polls, else 503, with the states as JSON. */
export async function serveHealth(
  endpoint: Endpoint,
  states: () => Record<string, string>,
): Promise<HealthServer> {
  const server: Server = createServer((request, response) => {
    if (request.url !== '/healthz') {
      response.writeHead(404).end();
      return;
    }
    const workers = states();
    const healthy = Object.values(workers).every((state) => state === 'RUNNING');
    response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ok: healthy, workers }));
  });
  server.listen(endpoint.port, endpoint.host);
  await once(server, 'listening');
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
