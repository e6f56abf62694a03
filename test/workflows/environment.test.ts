import { describe, expect, it } from 'vitest';
import type { Colour, EnvironmentPlan } from '../../pipeline/plan.js';
import type { change } from '../../workflows/change.js';
import type { Announcement } from '../../workflows/messages.js';
import { SIGNAL, WORKFLOW } from '../../workflows/names.js';
import { EnvironmentScene, givenVersion, sha } from '../support/environment-scene.js';
import { environmentIn, environmentKey } from '../support/fake-world.js';
import { givenChange, givenDecision, givenPlan } from '../support/given.js';
import { useHarness } from '../support/use-harness.js';
import { until } from '../support/workflow-harness.js';

const harness = useHarness();

function givenEnvironment(overrides: Partial<EnvironmentPlan> = {}, signalLimit?: number): EnvironmentScene {
  return new EnvironmentScene(harness, givenPlan(overrides), signalLimit);
}

/** After two releases, and after the time of the first one's colour is over. */
async function givenCooled(overrides: Pick<EnvironmentPlan, 'keepWarmMs'>): Promise<EnvironmentScene> {
  const prod = givenEnvironment(overrides);
  await prod.release(1);
  await prod.release(2);
  await prod.until('nothing is warm', ({ warm, inFlight }) => warm === null && inFlight === null);
  expect(prod.world().calls).toContain('retireColour blue');
  return prod;
}

function announcement(number: number): Announcement {
  return {
    requestId: `announced-${number}`,
    workflowId: `release-${number}`,
    phase: 'building',
    version: `v${number}`,
    commit: sha(number),
    supersedes: [],
    waitingFor: null,
    since: '2026-11-21T10:00:00Z',
    queue: 'fifo',
  };
}

/** What runs in this colour dies, on every host. */
function stopColour({ plan }: EnvironmentScene, colour: Colour): void {
  harness.world.update((state) => {
    const environment = state.environments[environmentKey(plan.pipeline, plan.name)];
    for (const host of Object.values(environment?.hosts ?? {})) host.slots[colour] = null;
  });
}

async function runOf(scene: EnvironmentScene): Promise<string> {
  return (await harness.client.workflow.getHandle(scene.id).describe()).runId;
}

describe('an environment', () => {
  it('takes turns with the colours and remembers what was good', async () => {
    const prod = givenEnvironment();
    expect((await prod.release(1)).state).toBe('succeeded');
    await prod.release(2);
    const status = await prod.status();
    expect(status.headline).toBe('shop v2 is live on ' + prod.plan.name);
    expect(status.live).toMatchObject({ version: 'v2', colour: 'green', token: 2 });
    expect(status.warm?.record).toMatchObject({ version: 'v1', colour: 'blue' });
    expect(status.good.map((record) => record.version)).toEqual(['v2', 'v1']);
    expect(prod.serving()).toBe('v2');
  });

  it('rolls back to the warm colour with one activity', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    await prod.release(2);
    const before = prod.world().calls.length;
    expect((await prod.ended(await prod.rollback())).state).toBe('succeeded');
    expect(prod.world().calls[before]).toBe('switchTraffic blue');
    expect(prod.serving()).toBe('v1');
  });

  it('deploys again what is dead in the warm colour', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    await prod.release(2);
    stopColour(prod, 'blue');
    const requestId = await prod.rollback();
    expect(await prod.ended(requestId)).toMatchObject({ state: 'succeeded', clean: true });
    expect(prod.serving()).toBe('v1');
    const status = await prod.status();
    expect(status).toMatchObject({ live: { version: 'v1', colour: 'blue' }, needsPerson: null });
    expect(status.warm?.record).toMatchObject({ version: 'v2', colour: 'green' });
  });

  it('keeps what it has when neither the warm colour nor a deploy brings it back', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    await prod.release(2);
    stopColour(prod, 'blue');
    prod.break('verify', 'say-no');
    const requestId = await prod.rollback();
    expect(await prod.ended(requestId)).toMatchObject({ state: 'failed', clean: true });
    expect(prod.serving()).toBe('v2');
    const status = await prod.status();
    expect(status).toMatchObject({ live: { version: 'v2' }, warm: { record: { version: 'v1' } }, queue: [] });
  });

  it('runs a request that comes twice once', async () => {
    const prod = givenEnvironment();
    const deploy = prod.hold('deploy');
    const request = await prod.ask(givenVersion(prod.plan, 1));
    await deploy.arrived();
    await prod.ask(request);
    deploy.release();
    await prod.ended(request.requestId);
    await prod.ask(request);
    await prod.release(2);
    const deploys = prod.world().calls.filter((call) => call.startsWith('deploy'));
    // each host once
    expect(deploys).toEqual(['deploy blue', 'deploy blue', 'deploy green', 'deploy green']);
    expect((await prod.status()).token).toBe(2);
  });

  it('answers a rollback to a version it does not know with those it knows', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    const result = await prod.ended(await prod.rollback('v9'));
    expect(result).toMatchObject({ state: 'failed', failure: { why: 'good releases, newest first: v1' } });
    expect((await prod.status()).live?.version).toBe('v1');
  });

  it('ignores a malformed message', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    await prod.send(SIGNAL.request, null);
    await prod.send(SIGNAL.announce, 'nonsense');
    await prod.send('freeze', { until: 7 });
    expect((await prod.release(2)).state).toBe('succeeded');
  });

  it('takes a waiting request back, and aborts one in flight', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    const verify = prod.hold('verify');
    const running = await prod.ask(givenVersion(prod.plan, 2));
    await verify.arrived();
    const waiting = await prod.ask(givenVersion(prod.plan, 3));
    const decision = givenDecision('oleg');
    await prod.send(SIGNAL.withdraw, { requestId: waiting.requestId, decision });
    expect((await prod.ended(waiting.requestId)).state).toBe('aborted');
    await prod.send(SIGNAL.withdraw, { requestId: running.requestId, decision });
    expect(await prod.ended(running.requestId)).toMatchObject({ state: 'aborted', clean: true });
    expect(prod.serving()).toBe('v1');
  });

  it('stops the warm colour when its time is over', async () => {
    const prod = await givenCooled({ keepWarmMs: 1 });
    expect(Object.values(prod.world().hosts).map((host) => host.slots.blue)).toEqual([null, null]);
  });

  it('moves by a timer also when the time is over already: whoever replays it may have had another clock', async () => {
    const prod = await givenCooled({ keepWarmMs: 0 });
    const { events } = await harness.client.workflow.getHandle(prod.id).fetchHistory();
    const moves = (events ?? []).flatMap((event) => {
      if (event.timerFiredEventAttributes != null) return ['timer'];
      return event.startChildWorkflowExecutionInitiatedEventAttributes == null ? [] : ['change'];
    });
    expect(moves).toEqual(['change', 'change', 'timer', 'change']);
  });

  it('goes on above a token its hosts have seen from an environment that was lost', async () => {
    const prod = givenEnvironment();
    harness.world.update((state) => {
      const hosts = prod.plan.hosts.map((host) => host.name);
      const { hosts: fakes } = environmentIn(
        state,
        environmentKey(prod.plan.pipeline, prod.plan.name),
        hosts,
      );
      for (const fake of Object.values(fakes)) fake.fence = 57;
    });
    expect((await prod.release(1)).state).toBe('succeeded');
    expect((await prod.status()).live?.token).toBe(58);
  });
});

describe('a freeze', () => {
  it('holds deploys back and lets a rollback in', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    await prod.release(2);
    expect(await prod.decide('freeze', { reason: 'holidays' })).toMatchObject({ accepted: true });
    const request = await prod.ask(givenVersion(prod.plan, 3));
    await prod.ended(await prod.rollback());
    const status = await prod.status();
    expect(status.headline).toContain('is frozen by irina');
    expect(status.queue.map((queued) => queued.version)).toEqual(['v3']);
    expect(status.live?.version).toBe('v1');
    await prod.decide('unfreeze');
    expect((await prod.ended(request.requestId)).state).toBe('succeeded');
  });

  it('ends by itself', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    const until = new Date(Date.now() + 1500).toISOString();
    await prod.decide('freeze', { until });
    const request = await prod.ask(givenVersion(prod.plan, 2));
    expect((await prod.status()).freeze?.until).toBe(until);
    expect((await prod.ended(request.requestId)).state).toBe('succeeded');
    expect((await prod.status()).freeze).toBeNull();
  });

  it('refuses what it cannot do, and says what to do instead', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    expect((await prod.decide('unfreeze')).refused).toContain('is not frozen');
    expect((await prod.decide('freeze', { until: 'tomorrow' })).refused).toContain('give one like');
    expect((await prod.decide('approve')).refused).toContain('approvals are given to a promotion');
  });
});

describe('a lane held by a run that is not the environment’s', () => {
  it('is waited for', async () => {
    const prod = givenEnvironment();
    const preflight = prod.hold('preflight');
    const foreign = await harness.client.workflow.start<typeof change>(WORKFLOW.change, {
      workflowId: prod.lane,
      taskQueue: harness.taskQueue,
      args: [givenChange(givenVersion(prod.plan, 1), { token: 1 })],
    });
    await preflight.arrived();
    const request = await prod.ask(givenVersion(prod.plan, 2));
    await prod.until('the request waits', ({ queue, inFlight }) => inFlight === null && queue.length === 1);
    preflight.release();
    expect((await foreign.result()).state).toBe('succeeded');
    expect((await prod.ended(request.requestId)).state).toBe('succeeded');
  });
});

describe('continue-as-new', () => {
  it('waits for the change in flight and takes everything along', async () => {
    const prod = givenEnvironment({}, 5);
    const bake = prod.hold('bake');
    const first = await prod.ask(givenVersion(prod.plan, 1));
    await bake.arrived();
    const runId = await runOf(prod);
    for (let number = 1; number <= 10; number += 1) await prod.send(SIGNAL.announce, announcement(number));
    const second = await prod.ask(givenVersion(prod.plan, 2));
    await prod.until('all were heard', ({ announced }) => announced.length === 10);
    expect(await runOf(prod)).toBe(runId);
    bake.release();
    expect((await prod.ended(first.requestId)).state).toBe('succeeded');
    expect((await prod.ended(second.requestId)).state).toBe('succeeded');
    const status = await prod.status();
    expect(await runOf(prod)).not.toBe(runId);
    expect(status.announced).toHaveLength(10);
    expect(status.token).toBe(2);
    await prod.ask(first);
    expect((await prod.release(3)).state).toBe('succeeded');
    expect((await prod.status()).token).toBe(3);
  });

  it('loses none of 300 signals', async () => {
    const prod = givenEnvironment({ bake: null }, 20);
    await prod.send('freeze', givenDecision('irina'));
    const runId = await runOf(prod);
    const requests = [1, 2, 3, 4, 5].map((number) => givenVersion(prod.plan, number));
    const sending = Array.from({ length: 295 }, (_, number) =>
      prod.send(SIGNAL.announce, announcement(number)),
    );
    await Promise.all([...sending, ...requests.map((request) => prod.ask(request))]);
    const status = await prod.until('all were heard', ({ announced }) => announced.length >= 295);
    expect(new Set(status.announced.map((each) => each.requestId)).size).toBe(295);
    expect(status.queue).toHaveLength(5);
    expect(await runOf(prod)).not.toBe(runId);
    await prod.decide('unfreeze');
    for (const { requestId } of requests) expect((await prod.ended(requestId)).state).toBe('succeeded');
    expect(prod.world().calls.filter((call) => call.startsWith('deploy'))).toHaveLength(
      5 * prod.plan.hosts.length,
    );
  });
});

describe('the screen of an environment', () => {
  it('is in the memo, for when no worker answers', async () => {
    const prod = givenEnvironment();
    await prod.release(1);
    const report = await until('the memo says so', async () => {
      const { memo } = await harness.client.workflow.getHandle(prod.id).describe();
      const text = JSON.stringify(memo ?? {});
      return text.includes('v1 is live') ? text : null;
    });
    expect(report).toContain('identity: unverified');
  });
});
