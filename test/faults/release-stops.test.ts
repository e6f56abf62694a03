/**
 * A release or promotion cancelled (Temporal's Request Cancellation) or terminated at each of its steps, and asked for
 * again: what was there before, or the new release wholly; nothing stands in the way of the next one.
 */
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { connectToTemporal, type TemporalLink } from '../../client/connect.js';
import { olderThan } from '../support/environment-scene.js';
import { quiet, startHarness, until, type Harness } from '../support/workflow-harness.js';
import { judgeRelease, type Verdict } from './judge-release.js';
import { nameOf, ReleaseCase, SETTINGS, type Call, type Setting } from './matrix-of-releases.js';

quiet();
// Many releases in one test, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000 });
let harness: Harness;
let link: TemporalLink;
beforeAll(async () => {
  harness = await startHarness({ ancestors: olderThan });
  link = await connectToTemporal({
    env: { TEMPORAL_ADDRESS: inject('temporalAddress'), SLIPWAY_TASK_QUEUE: harness.taskQueue },
  });
});
afterAll(async () => {
  await link.close();
  await harness.close();
});

/** Where a promotion's request has gone out its change may be faster than the word that ends it. */
type Wanted = Verdict | { state: unknown; served: unknown; wrong: [] };

describe.each(SETTINGS)('$name', (setting) => {
  let calls: Call[];
  beforeAll(async () => {
    const calm = new ReleaseCase(harness, setting);
    await calm.start();
    await calm.handle.result();
    calls = await calm.calls();
  });

  it.concurrent('the release cancelled at each activity of it and its promotions', async () => {
    const { found, wanted } = await eachCall(async (call) => {
      const run = new ReleaseCase(harness, setting);
      run.break(call, 'hang-before');
      await run.start();
      await run.arrived(call);
      await run.handle.cancel();
      // A request on its way out is not called back: it is waited for, and then withdrawn.
      if (call.caller !== 'release')
        await until('the word has reached the promotion', () => wasToldToStop(run, call));
      run.letGo(call);
      return await judgeRelease(run);
    }, stoppedAt);
    expect(found).toEqual(wanted);
  });

  it.concurrent.each(setting.thorough ? ['late'] : [])(
    'cancelled at each activity, which is done nevertheless, %s',
    async () => {
      const { found, wanted } = await eachCall(async (call) => {
        const run = new ReleaseCase(harness, setting);
        run.break(call, 'hang-deaf');
        await run.start();
        await run.arrived(call);
        await run.handleOf(call.caller).cancel();
        await until('it has reacted', () => hasReacted(run, call));
        run.letGo(call);
        await run.finished(call);
        return await judgeRelease(run);
      }, stoppedAt);
      expect(found).toEqual(wanted);
    },
  );

  const when = setting.thorough ? 'before it is done' : 'after it was done';
  it.concurrent(`terminated at each activity, ${when}, and asked for again`, async () => {
    const { found, wanted } = await eachCall(
      async (call) => {
        const run = new ReleaseCase(harness, setting);
        run.break(call, setting.thorough ? 'hang-before' : 'hang-after');
        await run.prepare();
        await run.startByHand(link);
        await run.arrived(call);
        expect(await run.askAgain(link)).toEqual({ joined: true });
        await run.handleOf(call.caller).terminate('a person ends it');
        run.letGo(call);
        if (call.caller !== 'release')
          expect(await judgeRelease(run)).toMatchObject({ state: 'failed', wrong: [] });
        expect(await run.askAgain(link)).toEqual({ joined: false });
        return await judgeRelease(run, { requests: 2 });
      },
      (_, names) => verdict('succeeded', names, names),
    );
    expect(found).toEqual(wanted);
  });

  async function eachCall(
    carryOut: (call: Call) => Promise<Verdict>,
    want: (call: Call, names: string[]) => Wanted,
  ): Promise<{ found: Record<string, Verdict>; wanted: Record<string, Wanted> }> {
    const found: Record<string, Verdict> = {};
    const wanted: Record<string, Wanted> = {};
    for (const call of calls) {
      found[nameOf(call)] = await carryOut(call);
      wanted[nameOf(call)] = want(call, namesOf(setting));
    }
    return { found, wanted };
  }
});

/** It has come to its end, or waits for the activity that is deaf. */
async function hasReacted(run: ReleaseCase, { caller }: Call): Promise<boolean> {
  const { status, raw } = await run.handleOf(caller).describe();
  const busy = raw.pendingWorkflowTask != null || (raw.pendingActivities ?? []).length > 1;
  return status.name !== 'RUNNING' || !busy;
}

async function wasToldToStop(run: ReleaseCase, { caller }: Call): Promise<boolean> {
  const { events } = await run.handleOf(caller).fetchHistory();
  return (events ?? []).some(
    (event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'abort',
  );
}

function namesOf(setting: Setting): string[] {
  return setting.environments('any').map(({ name }) => name);
}

/** Whoever comes before the promotion that was stopped is live. */
function stoppedAt({ caller, activity }: Call, names: string[]): Wanted {
  if (activity === 'requestChange')
    return { state: expect.stringMatching(/aborted|succeeded/), served: expect.anything(), wrong: [] };
  return verdict('aborted', names, names.slice(0, Math.max(0, names.indexOf(caller))));
}

function verdict(state: Verdict['state'], names: string[], live: string[]): Verdict {
  const served = names.map((name) => [name, live.includes(name) ? ('new' as const) : ('old' as const)]);
  return { state, served: Object.fromEntries(served), wrong: [] };
}
