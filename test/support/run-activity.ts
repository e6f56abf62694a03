/** Runs one activity as a worker would, without a server; failures are for the test to see, not for the log. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { findInTree, noteFindings } from './search-for-secrets.js';

export interface ActivityRun<Output> {
  result: Promise<Output>;
  /** Heartbeat details so far, the newest last. */
  heartbeats: unknown[];
  environment: MockActivityEnvironment;
}

/** `heartbeatDetails` is what an earlier attempt left. */
export function startActivity<Input, Output>(
  activity: (input: Input) => Promise<Output>,
  input: Input,
  heartbeatDetails?: unknown,
): ActivityRun<Output> {
  const environment = new MockActivityEnvironment(
    heartbeatDetails === undefined ? {} : { heartbeatDetails },
    { logger: new DefaultLogger('ERROR') },
  );
  const heartbeats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => {
    heartbeats.push(details);
    noteFindings(findInTree(details, 'secret', ['a heartbeat']));
  });
  return { result: environment.run(activity, input), heartbeats, environment };
}

export function runActivity<Input, Output>(
  activity: (input: Input) => Promise<Output>,
  input: Input,
): Promise<Output> {
  return startActivity(activity, input).result;
}
