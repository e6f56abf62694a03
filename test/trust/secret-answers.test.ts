/** The worker's own interceptors on a real server: what an activity answers with a secret in it is in no history. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { bundleWorkflowCode, NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createSecrets } from '../../activities/secrets/secrets.js';
import { readConfiguration } from '../../workers/configuration.js';
import { runWorkers } from '../../workers/run-workers.js';
import { createFakeActivities } from '../support/fake-activities.js';
import { createWorld } from '../support/fake-world.js';
import type { askForAncestors } from '../support/fixtures/asking-workflow.js';
import { findLeaks } from '../support/leaks.js';
import { plantDecoy, plantSecret } from '../support/planted.js';
import { readable } from '../support/sealed-scene.js';
import { givenSealKeys, NO_POLICY } from '../support/sealed.js';
import { findInTemporal, matching } from '../support/search-temporal.js';
import { quiet, until } from '../support/workflow-harness.js';

const SECRET = plantSecret('pw');
/** A secret's value as well, but the workflow says it itself: the search must find it. */
const SAID = plantDecoy();
/** No secret: it must be found, or the search is blind. */
const DECOY = 'decoy-8d1f7a3c5b9e';

const ANSWERS: Record<string, string> = {
  plain: SECRET,
  'within a text': `logged in as u:${SECRET}@db`,
  base64: Buffer.from(SECRET).toString('base64'),
  'base64 of a pair': Buffer.from(`user:${SECRET}`).toString('base64'),
  'URL-encoded': encodeURIComponent(SECRET),
  'the reference': 'env:TOKEN',
};

let client: Client;
let taskQueue: string;
/** Times each question was asked. */
const asked = new Map<string, number>();
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  quiet();
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  client = new Client({ connection });
  taskQueue = `secret-answers-${randomUUID()}`;
  const secrets = createSecrets({ TOKEN: SECRET, SAID });
  const activities = createFakeActivities({ world: createWorld(), client, taskQueue });
  const { keys: sealKeys, remove } = await givenSealKeys();
  const workers = await runWorkers(
    { connection: native, client, namespace: 'default' },
    await bundleWorkflowCode({ workflowsPath: path.resolve('test/support/fixtures/asking-workflow.ts') }),
    {
      ...activities,
      listAncestors: async ({ commit }) => {
        const told: string | undefined = JSON.stringify(Context.current().info.heartbeatDetails);
        asked.set(commit, (asked.get(commit) ?? 0) + 1);
        const value = await secrets.resolve('env:TOKEN');
        await secrets.resolve('env:SAID');
        if (commit === 'failure')
          throw ApplicationFailure.create({
            type: 'Strange',
            nonRetryable: true,
            message: `strange: ${value}`,
            details: [{ why: [encodeURIComponent(value)] }],
            cause: new Error(`caused by ${value}`),
          });
        const { heartbeat, info } = Context.current();
        if (commit === 'heartbeat' && info.attempt === 1) {
          heartbeat({ tail: [`half way with ${value}`] });
          throw new Error('again');
        }
        return { ancestors: [ANSWERS[commit] ?? commit, told ?? DECOY] };
      },
    },
    { sealKeys, policy: NO_POLICY, secrets },
    {},
    readConfiguration(['worker'], { SLIPWAY_TASK_QUEUE: taskQueue }),
  );
  ends.push(
    async () => {
      workers.shutdown();
      await workers.done;
    },
    () => native.close(),
    () => connection.close(),
    remove,
  );
});
afterAll(async () => {
  for (const end of ends) await end();
});

/** Of a question that `commit` tells apart. */
async function ask(commit: string): Promise<WorkflowHandle<typeof askForAncestors>> {
  const workflowId = `secret-answers-${randomUUID()}`;
  const question = { repositoryUrl: '/srv/shop.git', commit, candidates: [] };
  return client.workflow.start<typeof askForAncestors>('askForAncestors', {
    workflowId,
    taskQueue,
    args: [question],
  });
}

async function failureIn(handle: WorkflowHandle): Promise<ApplicationFailure> {
  let error: unknown = await handle.result().catch((caught: unknown) => caught);
  while (error instanceof Error && !(error instanceof ApplicationFailure)) error = error.cause;
  if (!(error instanceof ApplicationFailure)) throw new Error(`it did not fail: ${String(error)}`);
  return error;
}

async function leaksOf(handle: WorkflowHandle, value: string): Promise<string[]> {
  return findLeaks([{ place: 'history', text: readable(await handle.fetchHistory()) }], value);
}

it.each(['plain', 'within a text', 'base64', 'base64 of a pair', 'URL-encoded'])(
  'refuses %s',
  async (form) => {
    const handle = await ask(form);
    const failure = await failureIn(handle);
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(
      /^activity listAncestors: its answer holds the value of env:TOKEN, in ancestors\.0; /,
    );
    expect(asked.get(form)).toBe(1);
    expect(await leaksOf(handle, SECRET)).toEqual([]);
  },
);

it('gives back what holds none, and what the workflow has said itself', async () => {
  const named = await ask('the reference');
  expect((await named.result()).ancestors[0]).toBe('env:TOKEN');
  expect(await leaksOf(named, DECOY)).toContain('plain in history');

  const said = await ask(`said: ${SAID}`);
  expect((await said.result()).ancestors[0]).toBe(`said: ${SAID}`);
  const itself = matching(`WorkflowId = '${said.workflowId}'`);
  const found = await until('the run is listed, and what it says found', async () => {
    const lines = await findInTemporal(inject('temporalAddress'), 'decoy', itself);
    return lines.length > 0 && lines;
  });
  expect(found).toContain(
    `plain in workflowExecutionStartedEventAttributes.input.payloads.0.data of event 1 in history of ${said.workflowId}`,
  );
});

it('takes it out of a failure', async () => {
  const handle = await ask('failure');
  const failure = await failureIn(handle);
  expect(failure).toMatchObject({
    type: 'Strange',
    message: 'strange: [env:TOKEN]',
    details: [{ why: ['[env:TOKEN]'] }],
    cause: { message: 'caused by [env:TOKEN]' },
  });
  expect(await leaksOf(handle, SECRET)).toEqual([]);
});

it('takes it out of a heartbeat, which the next attempt finds', async () => {
  const handle = await ask('heartbeat');
  expect((await handle.result()).ancestors[1]).toBe('{"tail":["half way with [env:TOKEN]"]}');
  expect(asked.get('heartbeat')).toBe(2);
});
