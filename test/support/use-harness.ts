import { afterAll, beforeAll } from 'vitest';
import { quiet, startHarness, type Harness } from './workflow-harness.js';

/** The harness of this file: it is there once the tests begin, and closed after them. */
export function useHarness(start: () => Promise<Harness> = () => startHarness()): Harness {
  quiet();
  let started: Harness | null = null;
  const harness = (): Harness => {
    if (started === null) throw new Error('the harness is there once the tests begin');
    return started;
  };
  beforeAll(async () => {
    started = await start();
  });
  afterAll(() => started?.close());
  return {
    get client() {
      return harness().client;
    },
    get taskQueue() {
      return harness().taskQueue;
    },
    get world() {
      return harness().world;
    },
    get activities() {
      return harness().activities;
    },
    close: () => harness().close(),
  };
}
