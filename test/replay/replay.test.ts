/** Runs recorded by earlier releases replay on today's workflows; a changed order of steps does not. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker } from '@temporalio/worker';
import { describe, expect, inject, it } from 'vitest';
import { quiet } from '../support/workers.js';
import { PATHS } from './paths.js';

quiet();
const folder = path.resolve('test/replay/histories');
const recorded = readdirSync(folder).map((file) => path.basename(file, '.json'));

async function replay(history: unknown): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: { code: inject('workflowBundle') } }, history);
}

function read(name: string): string {
  return readFileSync(path.join(folder, `${name}.json`), 'utf8');
}

describe('the replay corpus', () => {
  it('has a history of every path', () => {
    expect(recorded).toEqual(expect.arrayContaining(Object.keys(PATHS)));
  });

  it.each(recorded)('%s replays', async (name) => {
    await expect(replay(JSON.parse(read(name)))).resolves.toBeUndefined();
  });
});

describe('a change whose steps are in another order', () => {
  it.each([
    ['deploy', 'verify'],
    ['claim', 'proveWayBack'],
    ['switch', 'bake'],
  ])('%s and %s swapped does not replay', async (first, second) => {
    const history: {
      events: { workflowExecutionStartedEventAttributes?: { input: { payloads: { data: string }[] } } }[];
    } = JSON.parse(read('change-deployed'));
    const payload = history.events[0]?.workflowExecutionStartedEventAttributes?.input.payloads[0];
    const input: { request: { plan: { steps: string[] } } } = JSON.parse(
      Buffer.from(payload?.data ?? '', 'base64').toString('utf8'),
    );
    const { plan } = input.request;
    const swap = new Map([
      [first, second],
      [second, first],
    ]);
    plan.steps = plan.steps.map((step) => swap.get(step) ?? step);
    Object.assign(payload ?? {}, { data: Buffer.from(JSON.stringify(input)).toString('base64') });
    await expect(replay(history)).rejects.toBeInstanceOf(DeterminismViolationError);
  });
});
