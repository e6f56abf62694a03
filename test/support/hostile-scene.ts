/**
 * A worker with a policy, as production has it, and a stranger with a worker of their own and a commit right: what the
 * stranger reaches is really done, on this machine as the host.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import type { Activities } from '../../workflows/activity-contract.js';
import type { ChangeInput } from '../../workflows/messages.js';
import { laneId, WORKFLOW } from '../../workflows/names.js';
import type { ChangeResult } from '../../workflows/result.js';
import { compileClient } from './compile-client.js';
import { createRepository, type TestRepository } from './repository.js';
import { searchOutput } from './search-for-secrets.js';

type Input<Name extends keyof Activities> = Parameters<Activities[Name]>[0];
type Output<Name extends keyof Activities> = Awaited<ReturnType<Activities[Name]>>;

export interface HostileScene {
  pipeline: string;
  repository: TestRepository;
  /** Where commands leave their traces. */
  folder: string;
  /** The worker's own answer. Throws `Refusal` when it refuses. */
  ask<Name extends keyof Activities>(activity: Name, input: Input<Name>): Promise<Output<Name>>;
  /** The stranger forges, so nothing is checked here. */
  forge(activity: keyof Activities, input: unknown, queue?: 'urgent'): Promise<unknown>;
  /** Starts a change by hand, on the worker's own queue, and waits for its end. */
  change(input: ChangeInput): Promise<ChangeResult>;
  /** The plan a worker makes of this ref. */
  plan(
    ref: { kind: 'branch' | 'tag'; name: string },
    change?: Partial<Input<'resolvePlan'>>,
  ): Promise<Output<'resolvePlan'>>;
  close(): Promise<void>;
}

export class Refusal extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

/** `policy` is given the pipeline, the repository's address and the folder for traces. */
export async function startHostileScene(
  policy: (names: { pipeline: string; repository: string; folder: string }) => string,
  env: Record<string, string> = {},
): Promise<HostileScene> {
  const program = await compileClient();
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-hostile-'));
  const repository = await createRepository();
  const pipeline = `shop-${randomUUID().slice(0, 8)}`;
  const home = path.join(folder, 'home');
  mkdirSync(home);
  const policyFile = path.join(folder, 'policy.yaml');
  writeFileSync(policyFile, policy({ pipeline, repository: repository.folder, folder }), { mode: 0o600 });
  // a worker does not start without the file its policy names
  writeFileSync(path.join(folder, 'allowed_signers'), '', { mode: 0o600 });
  const address = inject('temporalAddress');
  const taskQueue = `hostile-${randomUUID()}`;
  const argv = [
    path.join(program, 'workers/main.js'),
    'worker',
    '--json',
    '--data',
    path.join(folder, 'data'),
  ];
  const child = spawn(process.execPath, argv, {
    env: {
      ...process.env,
      HOME: home,
      TEMPORAL_ADDRESS: address,
      SLIPWAY_TASK_QUEUE: taskQueue,
      SLIPWAY_METRICS_ADDRESS: 'off',
      SLIPWAY_HEALTH_ADDRESS: 'off',
      SLIPWAY_POLICY: policyFile,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  searchOutput(child, 'the worker');
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const closed = once(child, 'close');
  await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    closed.then(() => Promise.reject(new Error(complaint))),
  ]);
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const strangers = `strangers-${randomUUID()}`;
  const stranger = await Worker.create({
    connection: native,
    taskQueue: strangers,
    workflowsPath: path.resolve('test/support/fixtures/strangers-workflow.ts'),
  });
  const running = stranger.run();

  async function forge(activity: string, input: unknown, queue?: 'urgent'): Promise<unknown> {
    try {
      return await client.workflow.execute('ask', {
        taskQueue: strangers,
        workflowId: `hostile-${randomUUID()}`,
        args: [queue === undefined ? taskQueue : `${taskQueue}-${queue}`, activity, input],
      });
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      const cause = error.cause instanceof ActivityFailure ? error.cause.cause : error.cause;
      if (!(cause instanceof ApplicationFailure)) throw error;
      throw new Refusal(cause.type ?? '', cause.message);
    }
  }
  const scene: HostileScene = {
    pipeline,
    repository,
    folder,
    forge,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the contract says what it answers
    ask: async (activity, input) => (await forge(activity, input)) as never,
    change: async (input) => {
      const { pipeline: of, name } = input.request.plan;
      const start = { taskQueue, workflowId: laneId(of, name), args: [input] };
      const result: ChangeResult = await client.workflow.execute(WORKFLOW.change, start);
      return result;
    },
    plan: async (ref, change = {}) => {
      const commit = await repository.git('rev-parse', `${ref.name}^{commit}`);
      return await scene.ask('resolvePlan', {
        requestId: 'request-1',
        pipeline,
        repositoryUrl: repository.folder,
        file: 'slipway.yaml',
        ref,
        commit,
        version: '',
        to: [],
        actor: { by: 'mallory', proof: 'unverified' },
        reason: null,
        ...change,
      });
    },
    close: async () => {
      stranger.shutdown();
      await running;
      child.kill('SIGTERM');
      await closed;
      await native.close();
      await connection.close();
      await repository.remove();
      for (const each of [program, folder]) rmSync(each, { recursive: true, force: true });
    },
  };
  return scene;
}

/** Did something leave its trace there? */
export function isThere(scene: HostileScene, name: string): boolean {
  return existsSync(path.join(scene.folder, name));
}
