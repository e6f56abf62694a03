/** From plaintext to keys on a real server, with runs open. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PayloadKeys } from '../../payloads/payload-keys.js';
import { replayOpenHistories, type ReplayReport } from '../../workers/replay-open-histories.js';
import {
  letAllGoUntilEnd,
  NAMESPACE,
  SECRET,
  startSealedScene,
  type SealedScene,
} from '../support/sealed-scene.js';
import { quiet, until } from '../support/workflow-harness.js';

let scene: SealedScene;
beforeAll(async () => {
  quiet();
  scene = await startSealedScene();
});
afterAll(() => scene.close());

/** What the start gate of a worker with these keys says against that run. */
async function refusedToStart(
  keys: PayloadKeys,
  workflowId: string,
): Promise<ReplayReport['failed'][number] | undefined> {
  const { client, taskQueue, bundle: workflowBundle, converters } = scene;
  const dataConverter = converters.workerDataConverter(keys, NAMESPACE);
  const { prepareStackTrace } = Error;
  const report = await replayOpenHistories(client, { taskQueue, workflowBundle, dataConverter, keys });
  // what the SDK hooks into where it runs workflows: not into the thread of everything else
  expect(Error.prepareStackTrace).toBe(prepareStackTrace);
  return report.failed.find((run) => run.workflowId === workflowId);
}

describe('a run that was started in plaintext', () => {
  it('goes on where the key file says so, and no worker starts without that', async () => {
    let stopWorker = await scene.startWorker(null);
    const texts = [`wait ${randomUUID()}`, 'after'];
    const handle = await scene.stranger.workflow.start('ask', {
      taskQueue: scene.taskQueue,
      workflowId: `plain-${randomUUID()}`,
      args: ['look', [{ text: 'before' }, ...texts.map((text) => ({ text }))]],
    });
    await until('the second activity runs', () => scene.waiting.get(texts[0] ?? ''));
    await stopWorker();
    const changing = { ...scene.keys, acceptPlaintext: true };
    const { workflowId } = handle;
    const refused = await until('the run is listed', () => refusedToStart(scene.keys, workflowId));
    expect(refused.message).toContain('accept-plaintext');
    expect(await refusedToStart(changing, workflowId)).toBeUndefined();
    stopWorker = await scene.startWorker(changing);
    await letAllGoUntilEnd(scene, handle);
    const { client } = scene;
    expect(await client.workflow.getHandle(handle.workflowId).result()).toMatchObject(
      ['before', ...texts].map((text) => ({ answer: { text: `looked: ${text} ${SECRET}` } })),
    );
    await stopWorker();
  });
});
