import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import {
  activitySignal,
  heartbeatWhile,
  lastProgress,
  stopReason,
} from '../../../activities/cancellation.js';

const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => {
      resolve(signal.reason);
    });
  });

describe('why an activity stops', () => {
  test.each([
    [{ cancelRequested: true }, 'kill'],
    [{ workerShutdown: true }, 'detach'],
    [{ timedOut: true }, 'detach'],
    [{ paused: true }, 'detach'],
    [{ reset: true }, 'detach'],
    [{ notFound: true }, 'detach'],
    [{ cancelRequested: true, workerShutdown: true }, 'detach'],
    [{}, 'detach'],
  ])('%j is %s', async (details, reason) => {
    const environment = new MockActivityEnvironment();
    const seen = environment.run(() => aborted(activitySignal()));
    environment.cancel('CANCELLED', new ActivityCancellationDetails(details));
    expect(await seen).toBe(reason);
  });

  test('a cancel without details is not taken for a real one', () => {
    expect(stopReason(undefined)).toBe('detach');
  });

  test('a signal taken after the cancel is already aborted', async () => {
    const environment = new MockActivityEnvironment();
    environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    expect(await environment.run(async () => activitySignal().reason as unknown)).toBe('kill');
  });
});

describe('heartbeats', () => {
  test('carry the latest progress, and what an earlier attempt said until there is more', async () => {
    const environment = new MockActivityEnvironment({
      heartbeatDetails: { operationId: '7-deploy', offset: 5 },
    });
    const beats: unknown[] = [];
    const third = new Promise<void>((resolve) => {
      environment.on('heartbeat', (details: unknown) => {
        beats.push(details);
        if (beats.length === 3) resolve();
      });
    });
    const result = await environment.run(() =>
      heartbeatWhile(async (report) => {
        expect(lastProgress()).toEqual({ operationId: '7-deploy', offset: 5 });
        report({ operationId: '7-deploy', offset: 9 });
        await third;
        return 'done';
      }),
    );
    expect(result).toBe('done');
    expect(beats.slice(0, 3)).toEqual([
      { operationId: '7-deploy', offset: 5 },
      { operationId: '7-deploy', offset: 9 },
      { operationId: '7-deploy', offset: 9 },
    ]);
  });

  test.each([[null], ['x'], [{ operationId: 1, offset: 1 }], [{ operationId: 'a', offset: -1 }]])(
    '%j is nobody’s progress',
    async (heartbeatDetails) => {
      const environment = new MockActivityEnvironment({ heartbeatDetails });
      expect(await environment.run(async () => lastProgress())).toBeNull();
    },
  );
});
