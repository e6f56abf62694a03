/** Sealed payloads on a real server: what is in the history, and what a stranger with namespace write access can do. */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure, defaultPayloadConverter, type Payload } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCodecServer } from '../../client/codec-server.js';
import type { Answer, Seen } from '../support/fixtures/sealed-workflows.js';
import { listen } from '../support/listen.js';
import { plantToken } from '../support/planted.js';
import {
  givenKey,
  givenKeys,
  letAllGoUntilEnd,
  NAMESPACE,
  payloadsOf,
  readable,
  SECRET,
  startSealedScene,
  type SealedScene,
} from '../support/sealed-scene.js';
import { firstSeen, sealedIn, sealedRuns, whyRefused } from '../support/sealed-runs.js';
import { quiet, until } from '../support/workflow-harness.js';

let scene: SealedScene;
let stopWorker: () => Promise<void>;
beforeAll(async () => {
  quiet();
  scene = await startSealedScene();
});
afterAll(() => scene.close());
beforeEach(async () => {
  stopWorker = await scene.startWorker(scene.keys);
});
afterEach(async () => {
  for (const letGo of scene.waiting.values()) letGo();
  scene.waiting.clear();
  await stopWorker();
});

const { start, startWaiting, startUnderStranger, forge, heartbeatOf } = sealedRuns(() => scene, SECRET);

const forgedAnswer: Answer = { text: 'looked: all is well' };

describe('those with the keys', () => {
  it('get what was said, and nothing of it is in the history', async () => {
    const results: unknown[] = [];
    for (const activity of ['look', 'touch', 'refuse'] as const) {
      const handle = await start('ask', [activity, [{ text: `tell ${SECRET}` }]]);
      results.push(await firstSeen(handle));
      const { raw } = await handle.describe();
      expect((await payloadsOf(handle)).length).toBeGreaterThan(3);
      expect(readable(await handle.fetchHistory())).not.toContain(SECRET);
      expect(readable(raw)).not.toContain(SECRET);
      expect((await handle.describe()).memo).toEqual({ memo: SECRET });
    }
    expect(results).toEqual([
      { answer: { text: `looked: tell ${SECRET} ${SECRET}` }, failure: null },
      { answer: null, failure: null },
      {
        answer: null,
        failure: {
          type: 'Refused',
          message: `no: tell ${SECRET} ${SECRET}`,
          details: { what: `tell ${SECRET} ${SECRET}` },
        },
      },
    ]);
  });

  it('find heartbeats sealed', async () => {
    const { handle } = await startWaiting('look');
    const details = await heartbeatOf(handle);
    expect(readable(details)).not.toContain(SECRET);
    expect(readable(details)).toContain('"heartbeat"');
  });

  it('carry a workflow on: signals, queries, memo, its next run, its child', async () => {
    const handle = await start('listen', [['first']]);
    await handle.signal('say', SECRET);
    expect(await handle.query('heard')).toEqual(['first', SECRET]);
    await handle.signal('say', 'again');
    await handle.signal('say', 'end');
    expect(await handle.result()).toEqual(['first', SECRET, 'end']);
    expect((await handle.describe()).memo).toMatchObject({ words: ['first', SECRET, 'end'] });

    const child = `child-${randomUUID()}`;
    const parent = await start('raise', ['listen', child, scene.taskQueue]);
    await until('the child', () => tell(child, 'end'));
    expect(await parent.result()).toEqual(['end']);
  });

  it('replay it', async () => {
    const handle = await start('ask', ['look', [{ text: 'a' }, { text: 'b' }]]);
    await handle.result();
    const dataConverter = scene.converters.workerDataConverter(scene.keys, NAMESPACE);
    const history = await handle.fetchHistory();
    const { bundle: workflowBundle } = scene;
    await Worker.runReplayHistory({ workflowBundle, dataConverter }, history, handle.workflowId);
    await expect(Worker.runReplayHistory({ workflowBundle }, history, handle.workflowId)).rejects.toThrow();
  });

  it('go on after a reset, with the answers of the run before', async () => {
    const text = `wait ${randomUUID()}`;
    const handle = await start('ask', ['look', [{ text: 'first' }, { text }]]);
    await until('the second activity runs', () => scene.waiting.get(text));
    const { events } = await handle.fetchHistory();
    const last = events?.filter((event) => event.workflowTaskCompletedEventAttributes).at(-1);
    scene.waiting.clear();
    const { runId } = await scene.client.workflowService.resetWorkflowExecution({
      namespace: NAMESPACE,
      workflowExecution: { workflowId: handle.workflowId },
      workflowTaskFinishEventId: last?.eventId ?? null,
      requestId: randomUUID(),
      reason: 'test',
    });
    const letGo = await until('the second activity runs again', () => scene.waiting.get(text));
    letGo();
    const again = scene.client.workflow.getHandle(handle.workflowId, runId);
    expect(await again.result()).toMatchObject([
      { answer: { text: `looked: first ${SECRET}` } },
      { answer: { text: `looked: ${text} ${SECRET}` } },
    ]);
  });

  it('change the key while a run is open', async () => {
    const { handle } = await startWaiting('look');
    await stopWorker();
    const [first] = scene.keys.byId.values();
    const older = `${first?.id ?? ''} ${first?.secret.toString('base64') ?? ''}`;
    stopWorker = await scene.startWorker(givenKeys(givenKey('second'), older));
    await letAllGoUntilEnd(scene, handle);
    const result = await sealedIn(handle, 'workflowExecutionCompleted');
    expect(readable(result)).toContain('second');
  });
});

async function tell(workflowId: string, word: unknown): Promise<boolean> {
  try {
    await scene.client.workflow.getHandle(workflowId).signal('say', word);
    return true;
  } catch {
    return false;
  }
}

/** What stands in base64 in a history as JSON. */
function dataIn(json: string): string {
  const data = [...json.matchAll(/"data": "([^"]+)"/g)].map(([, text]) => Buffer.from(text ?? '', 'base64'));
  expect(data.length).toBeGreaterThan(0);
  return data.join('\n');
}

/** With the flags for Temporal's command line. */
async function withCodecServer(work: (flags: string[]) => Promise<void>): Promise<void> {
  const token = plantToken();
  const server = createCodecServer({ keys: scene.keys, token, origin: null });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  try {
    await work(['--codec-endpoint', endpoint, '--codec-auth', `Bearer ${token}`]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe('a stranger with namespace write access', () => {
  it('cannot answer for an activity in plaintext', async () => {
    const { handle } = await startWaiting('look');
    await forge(handle, defaultPayloadConverter.toPayload(forgedAnswer));
    expect(whyRefused(await firstSeen(handle))).toBe('not sealed');
  });

  it('cannot answer in plaintext that pretends to have been opened', async () => {
    const { handle } = await startWaiting('look');
    const place = JSON.stringify(['activity-result', NAMESPACE, handle.workflowId, '1', '']);
    const payload = defaultPayloadConverter.toPayload(forgedAnswer);
    for (const opened of ['plaintext', place])
      payload.metadata = { ...payload.metadata, 'slipway-opened': Buffer.from(opened) };
    await forge(handle, payload);
    expect(whyRefused(await firstSeen(handle))).toBe('not sealed');
  });

  it('cannot say that an activity is done without a word', async () => {
    const { handle } = await startWaiting('touch');
    await forge(handle, null);
    expect(whyRefused(await firstSeen(handle))).toBe('empty');
  });

  it('cannot answer with what another activity of the run has said', async () => {
    const text = `wait ${randomUUID()}`;
    const handle = await start('ask', ['look', [{ text: 'first' }, { text }]]);
    await until('the second activity runs', () => scene.waiting.get(text));
    await forge(handle, await sealedIn(handle, 'activityTaskCompleted'), '2');
    const [, second] = (await handle.result()) as Seen[];
    expect(whyRefused(second)).toBe('sealed for another place');
  });

  it('cannot answer with what an activity of another workflow has said', async () => {
    const other = await start('ask', ['look', [{ text: 'other' }]]);
    await other.result();
    const { handle } = await startWaiting('look');
    await forge(handle, await sealedIn(other, 'activityTaskCompleted'));
    expect(whyRefused(await firstSeen(handle))).toBe('sealed for another place');
  });

  it('cannot answer with what the same activity has said in an earlier run of the same id', async () => {
    const workflowId = `lane-${randomUUID()}`;
    const earlier = await start('ask', ['look', [{ text: 'earlier' }]], workflowId);
    await earlier.result();
    const said = await sealedIn(earlier, 'activityTaskCompleted');
    const { handle } = await startWaiting('look', workflowId);
    await forge(handle, said);
    expect(whyRefused(await firstSeen(handle))).toBe('of another run');
  });

  it('cannot answer with the question, nor with a heartbeat', async () => {
    const asked = await startWaiting('look');
    await forge(asked.handle, await sealedIn(asked.handle, 'activityTaskScheduled'));
    expect(whyRefused(await firstSeen(asked.handle))).toBe('not the answer of an activity');

    const { handle } = await startWaiting('look');
    await forge(handle, await heartbeatOf(handle));
    expect(whyRefused(await firstSeen(handle))).toBe('not the answer of an activity');
  });

  it('cannot choose how an activity fails', async () => {
    const { handle } = await startWaiting('look');
    const { workflowId } = handle;
    const failure = ApplicationFailure.create({
      type: 'StaleFence',
      nonRetryable: true,
      message: 'over',
      details: [{ seenToken: 99 }],
    });
    await scene.stranger.activity.fail({ workflowId, activityId: '1' }, failure);
    expect(whyRefused(await firstSeen(handle))).toBe('not sealed');
  });

  it.each([
    ['was cancelled, which nobody asked for', { canceledFailureInfo: {} }, 'cancelled unasked'],
    ['was terminated', { terminatedFailureInfo: {} }, 'not sealed'],
  ])('cannot say that an activity %s', async (_, info, why) => {
    const { handle } = await startWaiting('touch');
    await scene.stranger.workflowService.respondActivityTaskFailedById({
      ...{ namespace: NAMESPACE, workflowId: handle.workflowId, activityId: '1' },
      failure: { message: 'over', ...info },
    });
    expect(whyRefused(await firstSeen(handle))).toBe(why);
  });

  it('is told from somebody who cancels the run', async () => {
    const { handle } = await startWaiting('touch');
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('unexpected: CancelledFailure') },
    });
  });

  it('cannot change the kind of a failure that was said', async () => {
    const earlier = await start('ask', ['refuse', [{ text: 'no' }]]);
    await earlier.result();
    const { events } = await earlier.fetchHistory();
    const said = events?.find((event) => event.activityTaskFailedEventAttributes)
      ?.activityTaskFailedEventAttributes?.failure;
    const { handle } = await startWaiting('refuse');
    await scene.stranger.workflowService.respondActivityTaskFailedById({
      namespace: NAMESPACE,
      workflowId: handle.workflowId,
      activityId: '1',
      failure: { ...said, applicationFailureInfo: { ...said?.applicationFailureInfo, type: 'StaleFence' } },
    });
    expect(whyRefused(await firstSeen(handle))).toBe('sealed for another place');
  });

  it('cannot leave a heartbeat for the next attempt', async () => {
    const { handle } = await startWaiting('look');
    const { workflowId } = handle;
    const { text } = scene.asked.at(-1) ?? { text: '' };
    const place = { workflowId, activityId: '1' };
    await heartbeatOf(handle);
    await scene.stranger.activity.heartbeat(place, { operationId: 'forged', offset: 1 });
    scene.waiting.clear();
    await scene.stranger.activity.fail(place, ApplicationFailure.retryable('again'));
    const letGo = await until('the next attempt', () => scene.waiting.get(text));
    expect(scene.asked.filter((asked) => asked.text === text)).toEqual([
      { text, heartbeat: undefined },
      { text, heartbeat: undefined },
    ]);
    letGo();
    expect((await firstSeen(handle)).answer?.text).toContain('looked');
  });

  it('cannot leave for the next attempt what an earlier run of the same id has left', async () => {
    const workflowId = `lane-${randomUUID()}`;
    const earlier = await startWaiting('look', workflowId);
    const old = await heartbeatOf(earlier.handle);
    earlier.letGo();
    await earlier.handle.result();

    const { handle } = await startWaiting('look', workflowId);
    const { text } = scene.asked.at(-1) ?? { text: '' };
    const place = { workflowId, activityId: '1' };
    const own = await heartbeatOf(handle);
    const nextAttempt = async (left: Payload): Promise<unknown> => {
      const details = { payloads: [left] };
      const { workflowService } = scene.stranger;
      await workflowService.recordActivityTaskHeartbeatById({ namespace: NAMESPACE, ...place, details });
      scene.waiting.clear();
      await scene.stranger.activity.fail(place, ApplicationFailure.retryable('again'));
      const letGo = await until('the next attempt', () => scene.waiting.get(text));
      await heartbeatOf(handle);
      scene.waiting.set(text, letGo);
      return scene.asked.filter((asked) => asked.text === text).at(-1)?.heartbeat;
    };
    expect(await nextAttempt(old)).toBeUndefined();
    // what this run has left is handed on
    expect(await nextAttempt(own)).toEqual({ operationId: `heartbeat ${SECRET}` });
    scene.waiting.get(text)?.();
    expect((await firstSeen(handle)).answer?.text).toContain('looked');
  });

  it('cannot have an activity run with an input of its own', async () => {
    const taskQueue = `stranger-${randomUUID()}`;
    const end = await scene.startStranger(taskQueue);
    const text = `borrowed ${randomUUID()}`;
    const handle = await scene.stranger.workflow.start('borrow', {
      taskQueue,
      workflowId: `borrow-${randomUUID()}`,
      args: [scene.taskQueue, text],
    });
    const failed = await until('the activity to fail', async () => {
      const { events } = await handle.fetchHistory();
      return events?.find((event) => event.activityTaskFailedEventAttributes);
    });
    expect(failed.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo).toMatchObject({
      type: 'ForgedInput',
      nonRetryable: true,
    });
    expect(scene.asked.filter((asked) => asked.text === text)).toEqual([]);
    await handle.terminate('test');
    await end();
  });

  it('cannot answer for a child by running it', async () => {
    const { handle, end } = await startUnderStranger();
    expect(await handle.result()).toMatchObject({ type: 'ForgedAnswer' });
    await end();
  });

  it('can still signal in plaintext, as `temporal workflow signal` does', async () => {
    const handle = await start('listen', [[]]);
    const open = scene.stranger.workflow.getHandle(handle.workflowId);
    await open.signal('say', { statement: 'signed elsewhere' });
    expect(await handle.query('heard')).toEqual([{ statement: 'signed elsewhere' }]);
    await expect(open.query('heard')).rejects.toThrow(/binary\/encrypted/);
    await open.signal('say', 'end');
    expect(await handle.result()).toEqual([{ statement: 'signed elsewhere' }, 'end']);
  });

  it('is Temporal’s own command line, which signals, and reads nothing', async () => {
    const handle = await start('listen', [[SECRET]]);
    const { workflowId } = handle;
    const said = { statement: 'from the command line' };
    const input = ['--name', 'say', '--input', JSON.stringify(said)];
    await scene.temporal('workflow', 'signal', '--workflow-id', workflowId, ...input);
    expect(await handle.query('heard')).toEqual([SECRET, said]);
    const show = ['workflow', 'show', '--workflow-id', workflowId, '--output', 'json'];
    expect(dataIn(await scene.temporal(...show))).not.toContain(SECRET);

    await withCodecServer(async (flags) => {
      const shown = dataIn(await scene.temporal(...show, ...flags));
      expect(shown).toContain(SECRET);
      expect(shown).toContain('from the command line');
      const end = ['--name', 'say', '--input', '"end"'];
      await scene.temporal('workflow', 'signal', '--workflow-id', workflowId, ...end, ...flags);
    });
    expect(await handle.result()).toEqual([SECRET, said, 'end']);
    const signals = (await payloadsOf(handle)).filter(({ event }) => event === 'workflowExecutionSignaled');
    expect(signals.map(({ payload }) => readable(payload).includes('"anywhere"'))).toEqual([false, true]);
  });

  it('does not wedge a run with a signal that nobody can open', async () => {
    const handle = await start('listen', [[]]);
    const other = await start('listen', [[SECRET]]);
    const elsewhere = await sealedIn(other, 'workflowExecutionStarted');
    await scene.stranger.workflowService.signalWorkflowExecution({
      namespace: NAMESPACE,
      workflowExecution: { workflowId: handle.workflowId },
      signalName: 'say',
      input: { payloads: [elsewhere] },
    });
    await handle.signal('say', 'end');
    expect(await handle.result()).toEqual([{ refused: 'sealed for another place' }, 'end']);
    await tell(other.workflowId, 'end');
    await other.result();
  });
});
