/** Runs recorded by earlier releases replay on today's workflows; a changed order of steps does not. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { quiet } from '../support/workers.js';
import { PATHS } from './paths.js';

quiet();
const folder = path.resolve('test/replay/histories');
const recorded = readdirSync(folder).map((file) => path.basename(file, '.json'));

/** By one worker, for a worker's start costs more than many replays: what each history's own replay said, by its name. */
async function replayAll(
  histories: Iterable<{ workflowId: string; history: unknown }>,
): Promise<Map<string, unknown>> {
  const said = new Map<string, unknown>();
  const options = { workflowBundle: { code: inject('workflowBundle') } };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories))
    said.set(workflowId, error ?? 'replayed');
  return said;
}

function read(name: string): string {
  return readFileSync(path.join(folder, `${name}.json`), 'utf8');
}

describe('the replay corpus', () => {
  let said: Map<string, unknown>;

  beforeAll(async () => {
    said = await replayAll(recorded.map((name) => ({ workflowId: name, history: JSON.parse(read(name)) })));
  });

  it('has a history of every path', () => {
    expect(recorded).toEqual(expect.arrayContaining(Object.keys(PATHS)));
  });

  it.each(recorded)('%s replays', (name) => {
    expect(said.get(name)).toBe('replayed');
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
    const said = await replayAll([{ workflowId: 'swapped', history }]);
    expect(said.get('swapped')).toBeInstanceOf(DeterminismViolationError);
  });
});
