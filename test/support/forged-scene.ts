/** A stranger who may write to the namespace, and has a worker on our task queue; what they aim at is whoever types `slipway`. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import type { Decision } from '../../workflows/messages.js';
import { environmentId, laneId, promotionId, releaseId, WORKFLOW } from '../../workflows/names.js';
import type { Forged } from './fixtures/forged-workflows.js';
import { type CommandOptions, type CommandRun, slipway } from './slipway-command.js';
import { quiet } from './workers.js';

export type Stranger = 'deaf' | 'loud' | 'halfDeaf';

type Memo = Record<string, { metadata: Record<string, Uint8Array>; data: Uint8Array }>;

export interface ForgedScene {
  /** One per test. */
  readonly pipeline: string;
  /** Where commands run; nothing is in it. */
  readonly folder: string;

  /** What the stranger's worker has seen on the hosts. */
  seen: unknown;
  environment(name: string, status: unknown): Promise<void>;
  /** Answers its workflow id. */
  promotion(environment: string, forged: Forged): Promise<string>;
  lane(environment: string, forged: Forged): Promise<string>;
  /** `slipway release` of the tag joins it. */
  release(version: string, forged: Forged): Promise<string>;
  /** From now on it answers with this. */
  become(workflowId: string, status: unknown): Promise<void>;
  /** The decisions it was sent. */
  heard(workflowId: string): Promise<Decision[]>;
  /** Where the stranger is, for the library. */
  env(): Record<string, string>;
  /** A workflow that is none of ours, where one of ours is looked for. `memo` as it is written to the server. */
  stranger(type: Stranger, workflowId: string, said?: unknown, memo?: Memo): Promise<void>;
  /** As if it had never been there, a moment later. */
  forget(workflowId: string): Promise<void>;
  /** `words` without the pipeline, which is said for them. */
  run(words: string[], options?: Partial<CommandOptions>): Promise<CommandRun>;
}

/** Registers its own hooks: call it once, at the top of a test file. */
export function setForgedScene(): ForgedScene {
  const taskQueue = `forged-${randomUUID()}`;
  const address = inject('temporalAddress');
  let client: Client;
  let end: () => Promise<void>;
  let pipeline = '';
  let folder = '';
  let started: string[] = [];

  async function start(type: string, workflowId: string, forged: Forged, memo = {}): Promise<string> {
    await client.workflow.start(type, { workflowId, taskQueue, args: [forged], memo });
    started.push(workflowId);
    return workflowId;
  }

  beforeAll(async () => {
    quiet();
    const native = await NativeConnection.connect({ address });
    const connection = await Connection.connect({ address });
    client = new Client({ connection });
    const worker = await Worker.create({
      connection: native,
      taskQueue,
      workflowsPath: path.resolve('test/support/fixtures/forged-workflows.ts'),
      activities: { look: () => Promise.resolve(scene.seen) },
    });
    const running = worker.run();
    end = async () => {
      worker.shutdown();
      await running;
      await native.close();
      await connection.close();
    };
  });
  afterAll(() => end());
  beforeEach(() => {
    pipeline = `forged-${randomUUID().slice(0, 8)}`;
    folder = mkdtempSync(path.join(tmpdir(), 'slipway-forged-'));
    started = [];
    scene.seen = { findings: [], log: [] };
    return async () => {
      rmSync(folder, { recursive: true, force: true });
      const ended = started.map((id) => client.workflow.getHandle(id).terminate());
      await Promise.allSettled(ended);
    };
  });

  const scene: ForgedScene = {
    get pipeline() {
      return pipeline;
    },
    get folder() {
      return folder;
    },
    seen: null,
    environment: async (name, status) => {
      await start(WORKFLOW.environment, environmentId(pipeline, name), { status });
    },
    promotion: (environment, forged) =>
      start(WORKFLOW.promotion, promotionId(pipeline, environment, 'request-1'), forged),
    lane: (environment, forged) => start(WORKFLOW.change, laneId(pipeline, environment), forged),
    release: (version, forged) =>
      start(WORKFLOW.release, releaseId(pipeline, version), forged, { aim: version }),
    become: (workflowId, status) => client.workflow.getHandle(workflowId).signal('become', status),
    heard: (workflowId) => client.workflow.getHandle(workflowId).query<Decision[]>('heard'),
    env: () => ({ TEMPORAL_ADDRESS: address, SLIPWAY_TASK_QUEUE: taskQueue }),
    stranger: async (type, workflowId, said = null, memo = {}) => {
      await client.workflowService.startWorkflowExecution({
        ...{ namespace: 'default', workflowId, workflowType: { name: type }, taskQueue: { name: taskQueue } },
        ...{ requestId: randomUUID(), memo: { fields: memo } },
        input: { payloads: [defaultPayloadConverter.toPayload(said)] },
      });
      started.push(workflowId);
    },
    forget: async (workflowId) => {
      const namespace = 'default';
      await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } });
    },
    run: (words, options = {}) =>
      slipway([...words, '--pipeline', pipeline], {
        cwd: folder,
        ...options,
        env: { ...scene.env(), SLIPWAY_ACTOR: 'oleg', ...options.env },
      }),
  };
  return scene;
}
