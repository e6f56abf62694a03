import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { lastReported } from '../../../workflows/read-failure.js';

const failed = (cause: Error): ActivityFailure =>
  new ActivityFailure('bake failed', 'bake', '7', 'TIMEOUT', 'worker-1', cause);

it('is what a lost activity had said of itself, and nothing of any other', () => {
  const details = { elapsedMs: 1_234, tallies: {} };
  expect(lastReported(failed(new TimeoutFailure('lost', details, 'SCHEDULE_TO_CLOSE')))).toEqual(details);
  expect(lastReported(failed(new TimeoutFailure('lost', undefined, 'HEARTBEAT')))).toBeNull();
  expect(lastReported(failed(ApplicationFailure.nonRetryable('no')))).toBeNull();
  expect(lastReported(new Error('no'))).toBeNull();
});
