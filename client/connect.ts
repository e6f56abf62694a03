/** The way to Temporal, and what to say when it, or a worker behind it, does not answer. */
import { createConnection } from 'node:net';
import { Client, Connection, isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { TASK_QUEUE } from '../workflows/names.js';
import { createRetries } from './retries.js';
import { badInput, unreachable, type UserError } from './user-error.js';

export interface ConnectOptions {
  /** Profile of Temporal's configuration file; TEMPORAL_* variables win over it. */
  profile?: string | null;
  env?: Record<string, string | undefined>;
  /** How long one question may wait for a worker's answer. */
  answerMs?: number;
}

/** An open connection with everything that belongs to it. */
export interface TemporalLink {
  client: Client;
  address: string;
  namespace: string;
  taskQueue: string;
  /** Page of a run in the Temporal UI; null when nobody said where the UI is. */
  linkTo(workflowId: string, runId: string | null): string | null;
  /** Asks a worker through Temporal, at most `answerMs`; silence becomes an explanation (exit 8). */
  ask<T>(question: () => Promise<T>, atMostMs?: number): Promise<T>;
  /** Throws (exit 8) when no worker polls the task queue. */
  requireWorker(): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_MS = 10_000;
const GRPC = {
  /** How the server says that the time we gave it was over. */
  cancelled: 1,
  deadline: 4,
  notFound: 5,
  denied: 7,
  precondition: 9,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Connects as TEMPORAL_* variables or the profile say. Throws UserError (exit 8) with the way out. */
export async function connectToTemporal(options: ConnectOptions = {}): Promise<TemporalLink> {
  const env = options.env ?? process.env;
  const { connectionOptions, namespace = 'default' } = readConfiguration(options.profile ?? null, env);
  const address = connectionOptions.address ?? '127.0.0.1:7233';
  const taskQueue = env['SLIPWAY_TASK_QUEUE'] ?? TASK_QUEUE;
  const dataConverter = await readDataConverter(env, namespace);
  const answerMs = options.answerMs ?? ANSWER_MS;
  if (env['grpc_proxy'] === undefined && env['https_proxy'] === undefined)
    await refuseClosedPort(address, namespace);
  const retries = createRetries();
  const { interceptors } = retries;
  const timed = { ...connectionOptions, address, connectTimeout: CONNECT_TIMEOUT_MS };
  const connect = Connection.connect({ ...timed, interceptors });
  const connection = await connect.catch((error: unknown) => {
    throw explainTemporal(error, address, namespace);
  });
  const client = new Client({ connection, namespace, dataConverter });
  const place = `namespace ${namespace}, Temporal at ${address}`;

  async function explainSilence(): Promise<UserError> {
    const { pollers } = await connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueue },
    });
    const workers = (pollers ?? []).length;
    const where = `task queue ${taskQueue}, ${place}`;
    if (workers === 0) {
      return unreachable({
        what: 'no worker polls here, so nobody can answer or act',
        where,
        wayOut: 'start one: slipway worker (or slipway up on a single machine)',
        docs: 'docs/commands.md#worker',
      });
    }
    return unreachable({
      what: `no answer within ${String(answerMs / 1000)}s`,
      where,
      why: `${String(workers)} ${workers === 1 ? 'worker was' : 'workers were'} seen in the last minutes, but may be down or busy`,
      wayOut: 'look at the worker (its log, /healthz); nothing is lost, ask again',
      docs: 'docs/commands.md#worker',
    });
  }

  async function explain(error: unknown): Promise<unknown> {
    if (error instanceof WorkflowNotFoundError) return error;
    if (isUnreadable(error)) return lacksKeys(error, env['SLIPWAY_PAYLOAD_KEYS'] ?? '');
    if (retries.hasEnded() && grpcCode(error) !== null) return closedMeanwhile(place);
    if (isNoAnswer(error)) return notTaken(error, place);
    if (isSilence(error))
      return explainSilence().catch((second: unknown) => explainTemporal(second, address, namespace));
    return grpcCode(error) === null ? error : explainTemporal(error, address, namespace);
  }

  return {
    client,
    address,
    namespace,
    taskQueue,
    linkTo: (workflowId, runId) =>
      linkTo(env['SLIPWAY_UI_URL'] ?? null, address, namespace, workflowId, runId),
    ask: async (question, atMostMs = answerMs) => {
      try {
        return await connection.withDeadline(Date.now() + atMostMs, question);
      } catch (error) {
        throw await explain(error);
      }
    },
    requireWorker: async () => {
      const silence = await explainSilence().catch((error: unknown) => {
        throw explainTemporal(error, address, namespace);
      });
      if (silence.what.startsWith('no worker')) throw silence;
    },
    close: async () => {
      retries.end();
      await connection.close();
    },
  };
}

function readConfiguration(profile: string | null, env: Record<string, string | undefined>) {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) defined[name] = value;
  try {
    return loadClientConnectConfig({ overrideEnvVars: defined, ...(profile === null ? {} : { profile }) });
  } catch (error) {
    throw unreachable({
      what: 'the Temporal configuration cannot be read',
      where: profile === null ? 'TEMPORAL_* variables and temporal.toml' : `profile ${profile}`,
      why: error instanceof Error ? error.message : String(error),
      wayOut:
        'correct it, or name another with --profile; TEMPORAL_ADDRESS alone is enough for a plain server',
      docs: 'docs/commands.md#temporal',
    });
  }
}

/** Loaded only where there are keys: most teams have none. Throws UserError (exit 2) for a key file that is not usable. */
async function readDataConverter(
  env: Record<string, string | undefined>,
  namespace: string,
): Promise<DataConverter> {
  const file = env['SLIPWAY_PAYLOAD_KEYS'] ?? '';
  if (file === '') return {};
  const { payloadKeysOf } = await import('../payloads/payload-keys.js');
  const { clientDataConverter } = await import('../payloads/data-converters.js');
  try {
    const keys = payloadKeysOf(env);
    return keys === null ? {} : clientDataConverter(keys, namespace);
  } catch (error) {
    throw badInput({
      what: error instanceof Error ? error.message : String(error),
      where: 'SLIPWAY_PAYLOAD_KEYS',
      wayOut: 'correct the file or the variable; nothing was sent',
      docs: 'docs/security-payloads.md#keys',
    });
  }
}

/** Sealed, and not for us to open: said by the SDK without keys, by ours with other ones. */
export function isUnreadable(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (['UnknownPayloadKey', 'PayloadRefused'].includes(error.name)) return true;
  return error.message.includes('Unknown encoding: binary/encrypted') || isUnreadable(error.cause);
}

/** What ours never say: they know every question, take every decision, and answer in JSON. */
const FROM_STRANGERS = ['QueryNotRegisteredError', 'QueryRejectedError', 'WorkflowUpdateFailedError'];
const UNDECODABLE = ['SyntaxError', 'ValueError', 'PayloadConverterError'];

/** Somebody else's workflow stands where ours should, or what it says cannot be decoded. */
export function isNoAnswer(error: unknown): error is Error {
  return error instanceof Error && [...FROM_STRANGERS, ...UNDECODABLE].includes(error.name);
}

function notTaken(error: Error, where: string): UserError {
  return unreachable({
    what: 'what was asked is not answered as a worker of ours answers',
    where,
    why: error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message,
    wayOut:
      "look at the workflow in the Temporal UI: a worker of another version runs it, or it is somebody else's (temporal workflow terminate ends it)",
    docs: 'docs/security.md#what-is-not-held',
  });
}

/** By whoever asked, who need not have waited. */
function closedMeanwhile(where: string): UserError {
  return unreachable({
    what: 'the connection was closed before there was an answer',
    where,
    wayOut: 'wait for what was asked, then close; what was sent is taken or not, and may be asked again',
    docs: 'docs/commands.md#temporal',
  });
}

function lacksKeys(error: unknown, file: string): UserError {
  return badInput({
    what: 'what the workers write is encrypted, and cannot be read with the keys given here',
    where: file === '' ? 'SLIPWAY_PAYLOAD_KEYS is not set' : `SLIPWAY_PAYLOAD_KEYS=${file}`,
    why: error instanceof Error ? error.message : String(error),
    wayOut: "set SLIPWAY_PAYLOAD_KEYS to a file with the workers' keys",
    docs: 'docs/security-payloads.md#keys',
  });
}

/** gRPC goes on trying where nobody listens; a person at a terminal wants to know at once. */
async function refuseClosedPort(address: string, namespace: string): Promise<void> {
  const [, host, port] = /^(?:.*\/\/)?\[?([^\]]+?)\]?:(\d+)$/.exec(address) ?? [];
  if (host === undefined || port === undefined) return;
  const refusal = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    const socket = createConnection({ host, port: Number(port) });
    const answer = (error: NodeJS.ErrnoException | null): void => {
      socket.destroy();
      resolve(error);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => answer(null));
    socket.once('connect', () => answer(null));
    socket.once('error', answer);
  });
  if (refusal?.code === 'ECONNREFUSED') throw explainTemporal(refusal, address, namespace);
}

/** Every failure of Temporal itself, told as exit 8. */
function explainTemporal(error: unknown, address: string, namespace: string): UserError {
  // The place is said already.
  const why = (error instanceof Error ? error.message : String(error)).replace(` ${address}`, '');
  const code = grpcCode(error);
  if (code === GRPC.unauthenticated || code === GRPC.denied) {
    return unreachable({
      what: 'Temporal does not let us in',
      where: `${address}, namespace ${namespace}`,
      why,
      wayOut:
        'give TEMPORAL_API_KEY or a client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH), or another --profile',
      docs: 'docs/commands.md#temporal',
    });
  }
  if (code === GRPC.notFound) {
    return unreachable({
      what: `namespace ${namespace} is not there`,
      where: address,
      why,
      wayOut: `set TEMPORAL_NAMESPACE, or create it: temporal operator namespace create -n ${namespace}`,
      docs: 'docs/commands.md#temporal',
    });
  }
  if (code !== null && code !== GRPC.unavailable && code !== GRPC.deadline) {
    return unreachable({
      what: 'Temporal answers with an error',
      where: `${address}, namespace ${namespace}`,
      why,
      wayOut: 'look at the server; nothing is lost, ask again',
      docs: 'docs/commands.md#temporal',
    });
  }
  return unreachable({
    what: 'Temporal cannot be reached',
    where: address,
    why,
    wayOut: 'start it with slipway up, or point TEMPORAL_ADDRESS (or --profile) at yours; nothing was sent',
    docs: 'docs/commands.md#temporal',
  });
}

function isSilence(error: unknown): boolean {
  const code = grpcCode(error);
  if (code === GRPC.deadline || code === GRPC.cancelled) return true;
  return (
    code === GRPC.precondition &&
    /poller|worker/i.test(error instanceof Error ? error.message + causeOf(error) : '')
  );
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : '';
}

/** gRPC status of an error or of its cause; null when it is not the service's. */
function grpcCode(error: unknown): number | null {
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    if (current.name === 'NamespaceNotFoundError') return GRPC.notFound;
    if (isGrpcServiceError(current)) return current.code;
    if (current.name === 'WorkflowUpdateRPCTimeoutOrCancelledError') return GRPC.deadline;
  }
  return null;
}

function linkTo(
  uiUrl: string | null,
  address: string,
  namespace: string,
  workflowId: string,
  runId: string | null,
): string | null {
  const base = uiUrl ?? guessUiUrl(address);
  if (base === null) return null;
  const run = runId === null ? '' : `/${runId}/user-metadata`;
  return `${base.replace(/\/$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}${run}`;
}

/** `slipway up` and `temporal server start-dev` put the UI a thousand ports above the server. */
function guessUiUrl(address: string): string | null {
  const [host = '', port = ''] = address.split(':');
  if (host.endsWith('.tmprl.cloud') || host.endsWith('.temporal.io')) return 'https://cloud.temporal.io';
  const isLocal = host === 'localhost' || host === '127.0.0.1';
  return isLocal ? `http://${host}:${String(Number(port) + 1000)}` : null;
}
