/** A harness on the server that skips time: a wait of three days is over in a moment. */
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { ATTRIBUTE } from '../../workflows/search-attributes.js';
import { part } from './parts.js';
import { listSkipping, searchTemporal } from './search-temporal.js';
import { startHarness, type Harness, type HarnessOptions } from './workflow-harness.js';

/** temporal.api.enums.v1.IndexedValueType, whose package we do not depend on. */
const INDEXED = { KEYWORD: 2, BOOL: 5 };
const HOUR_MS = 3_600_000;

export interface SkippingHarness extends Harness {
  /** Lets so much time pass: `2 minutes`. */
  sleep(duration: string): Promise<void>;
}

/** Time runs ahead only while a test waits for a result. */
export async function startSkippingHarness(options: HarnessOptions = {}): Promise<SkippingHarness> {
  const path = await part('temporal-test-server');
  const server = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
  await registerSearchAttributes(server);
  const elsewhere = { address: server.address, client: server.client };
  const harness = await startHarness({ ...options, elsewhere });
  return {
    ...harness,
    sleep: (duration) => server.sleep(duration),
    close: async () => {
      await harness.close();
      await searchTemporal(server.address, listSkipping);
      await server.teardown();
    },
  };
}

/** The run's own time from start to end, in hours. */
export async function hoursOf(handle: Pick<WorkflowHandle, 'describe'>): Promise<number> {
  const { startTime, closeTime } = await handle.describe();
  return ((closeTime?.getTime() ?? 0) - startTime.getTime()) / HOUR_MS;
}

/** This server starts without any. */
async function registerSearchAttributes({ connection, namespace }: TestWorkflowEnvironment): Promise<void> {
  const searchAttributes = Object.fromEntries(
    Object.values(ATTRIBUTE).map(({ name, type }) => [
      name,
      type === 'BOOL' ? INDEXED.BOOL : INDEXED.KEYWORD,
    ]),
  );
  await connection.operatorService.addSearchAttributes({
    namespace: namespace ?? 'default',
    searchAttributes,
  });
}
