/** A worker whose payloads are sealed, people with the keys, and a stranger without them, on the run's Temporal server. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Context } from '@temporalio/activity';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, type Payload } from '@temporalio/common';
import { bundleWorkflowCode, NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { inject } from 'vitest';
import type * as converters from '../../payloads/data-converters.js';
import type * as workerSide from '../../payloads/worker-side.js';
import { parsePayloadKeys, type PayloadKeys } from '../../payloads/payload-keys.js';
import { compileClient } from './compile-client.js';
import { part } from './parts.js';
import { plantKey } from './planted.js';
import { until } from './workflow-harness.js';
import type { SealedActivities } from './fixtures/sealed-workflows.js';

/** Planted in inputs, results, failures, heartbeats and memos. */
export const SECRET = 'pw-7fJ2kQ9xW4';
export const NAMESPACE = 'default';

type Converters = typeof converters;

const exec = promisify(execFile);
const WORKFLOWS = path.resolve('test/support/fixtures/sealed-workflows.ts');

export interface SealedScene {
  /** With the keys. */
  client: Client;
  /** With namespace write access, and without them. */
  stranger: Client;
  keys: PayloadKeys;
  taskQueue: string;
  bundle: WorkflowBundle;
  converters: Converters;
  /** What activities were asked, and with which heartbeat of an earlier attempt. */
  asked: { text: string; heartbeat: unknown }[];
  /** How to let activities go on whose question starts with `wait`. */
  waiting: Map<string, () => void>;
  /** null = as before there were keys. */
  startWorker(keys: PayloadKeys | null): Promise<() => Promise<void>>;
  /** A worker without the keys, for workflows only. */
  startStranger(taskQueue: string): Promise<() => Promise<void>>;
  /** Temporal's own command line, on this server; answers what it wrote. Rejects when it fails. */
  temporal(...argv: string[]): Promise<string>;
  close(): Promise<void>;
}

export function givenKey(id: string): string {
  return `${id} ${plantKey().toString('base64')}\n`;
}

export function givenKeys(...lines: string[]): PayloadKeys {
  return parsePayloadKeys(lines.join('\n'), 'test');
}

export async function startSealedScene(): Promise<SealedScene> {
  const folder = await compileClient();
  const { refuseForged } = (await import(path.join(folder, 'payloads/worker-side.js'))) as typeof workerSide;
  const loaded: unknown = await import(path.join(folder, 'payloads/data-converters.js'));
  const converters = loaded as Converters;
  const bundle = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    ...converters.sealedBundleOptions(),
  });
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const keys = givenKeys(givenKey('first'));
  const taskQueue = `sealed-${randomUUID()}`;
  const waiting = new Map<string, () => void>();
  const asked: SealedScene['asked'] = [];
  const activities = createActivities(waiting, asked);

  return {
    client: new Client({ connection, dataConverter: converters.clientDataConverter(keys, NAMESPACE) }),
    stranger: new Client({ connection }),
    keys,
    taskQueue,
    bundle,
    converters,
    waiting,
    asked,
    startWorker: async (workerKeys) => {
      const worker = await Worker.create({
        connection: native,
        taskQueue,
        ...(workerKeys === null
          ? { workflowsPath: WORKFLOWS }
          : {
              workflowBundle: bundle,
              dataConverter: converters.workerDataConverter(workerKeys, NAMESPACE),
              interceptors: { activity: [refuseForged] },
            }),
        activities: { ...activities },
        stickyQueueScheduleToStartTimeout: '200ms',
        maxCachedWorkflows: 0,
        maxHeartbeatThrottleInterval: '100ms',
        defaultHeartbeatThrottleInterval: '100ms',
      });
      return run(worker);
    },
    startStranger: async (strangersQueue) =>
      run(await Worker.create({ connection: native, taskQueue: strangersQueue, workflowsPath: WORKFLOWS })),
    temporal: async (...argv) => {
      const { stdout } = await exec(await part('temporal'), [...argv, '--address', address], {
        env: { HOME: folder },
      });
      return stdout;
    },
    close: async () => {
      await native.close();
      await connection.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs until the answer is called. */
function run(worker: Worker): () => Promise<void> {
  const running = worker.run();
  return async () => {
    worker.shutdown();
    await running;
  };
}

/** Those whose question starts with `wait` heartbeat and wait until they are let go. */
function createActivities(waiting: Map<string, () => void>, asked: SealedScene['asked']): SealedActivities {
  async function waitIfAsked(text: string): Promise<void> {
    const context = Context.current();
    const heartbeat: unknown = context.info.heartbeatDetails;
    asked.push({ text, heartbeat });
    if (!text.startsWith('wait')) return;
    context.heartbeat({ operationId: `heartbeat ${SECRET}` });
    await Promise.race([new Promise<void>((resolve) => waiting.set(text, resolve)), context.cancelled]);
  }
  return {
    look: async ({ text }) => {
      await waitIfAsked(text);
      return { text: `looked: ${text} ${SECRET}` };
    },
    touch: async ({ text }) => waitIfAsked(text),
    refuse: async ({ text }) => {
      await waitIfAsked(text);
      throw ApplicationFailure.create({
        type: 'Refused',
        nonRetryable: true,
        message: `no: ${text} ${SECRET}`,
        details: [{ what: `${text} ${SECRET}` }],
      });
    },
  };
}

/** Lets every activity go on, also those that come again since their worker ended, until the run has ended. */
export async function letAllGoUntilEnd(scene: SealedScene, handle: WorkflowHandle): Promise<void> {
  await until('the end of the run', async () => {
    for (const letGo of scene.waiting.values()) letGo();
    return (await handle.describe()).status.name !== 'RUNNING';
  });
}

/** Every payload of a history, sealed as it is, with the name of the event it is in. */
export async function payloadsOf(handle: WorkflowHandle): Promise<{ event: string; payload: Payload }[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap((event) => {
    const event_ = Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '';
    return collect(event).map((payload) => ({ event: event_.replace('EventAttributes', ''), payload }));
  });
}

function collect(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  if ('metadata' in value && 'data' in value && value.data instanceof Uint8Array) return [value as Payload];
  return Object.values(value).flatMap(collect);
}

/** Every text and every bytes in it, one below the other: what can be found in it without a key. */
export function readable(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, each]) => `${name} ${readable(each)}`)
    .join('\n');
}
