/** verify, measureBaseline and bake, as a worker runs them, with real backends and a real Prometheus. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLookAtDependencies } from '../../activities/checks/dependencies-before.js';
import { createCheckActivities } from '../../activities/checks/create-check-activities.js';
import type { BakePlan, CheckPlan } from '../../pipeline/plan.js';
import type { BakeInput } from '../../workflows/activity-contract.js';
import {
  CHECK_SECRETS,
  givenCheckScene,
  httpCheck,
  prometheusCheck,
  runCheck,
  type CheckScene,
} from '../support/check-scene.js';
import { givenRecord } from '../support/given.js';
import { until } from '../support/processes.js';
import { startPrometheus, type Prometheus } from '../support/prometheus.js';
import { runActivity, startActivity } from '../support/run-activity.js';

let scene: CheckScene;
let activities: ReturnType<typeof createCheckActivities>;

beforeAll(async () => {
  scene = await givenCheckScene();
  activities = createCheckActivities(scene.dependencies);
});

afterEach(async () => {
  await scene.blue.set({ status: 200, delayMs: 0, errorShare: 0 });
  await scene.green.set({ status: 200, delayMs: 0, errorShare: 0 });
});

afterAll(async () => {
  await scene.stop();
});

const health = (change: Partial<ReturnType<typeof httpCheck>> = {}) =>
  httpCheck({ name: 'health', url: `${scene.blue.url}/health`, ...change });

it('what an environment depends on is asked before: no is a problem, no answer a warning', async () => {
  const look = createLookAtDependencies(scene.dependencies);
  const target = scene.target();
  const at = { startPeriodMs: 60_000, retries: 50, intervalMs: 1 };
  const dependencies = [
    httpCheck({ name: 'orders', url: `${scene.blue.url}/health`, ...at }),
    httpCheck({ name: 'payments', url: `${scene.green.url}/health`, ...at }),
    runCheck({ name: 'tool', command: 'no-such-program', ...at }),
  ];
  const ask = async (names: string[]) => {
    const asked = dependencies.filter(({ name }) => names.includes(name));
    const plan = { ...target.plan, dependencies: asked };
    const findings = await runActivity(look, { ...target, plan });
    return findings.map(({ thing, state }) => [thing, state]);
  };
  expect(await ask([])).toEqual([]);
  expect(await ask(['orders', 'tool'])).toEqual([
    ['dependency orders', 'ok'],
    ['dependency tool', 'warning'],
  ]);
  await scene.green.set({ status: 503 });
  expect(await ask(['orders', 'payments'])).toContainEqual(['dependency payments', 'problem']);
});

describe('verify', () => {
  const verify = (checks: CheckPlan[]) =>
    runActivity(activities.verify, { target: scene.target(), checks, colour: 'green' });

  it('passes when every check does, each on the idle colour', async () => {
    await scene.blue.set({ status: 500 });
    const found = await verify([health(), runCheck({ name: 'smoke', command: 'sh smoke.sh {colour}' })]);
    expect(found).toMatchObject({
      verdict: 'passed',
      logTail: null,
      outcomes: [
        { check: 'health', verdict: 'passed' },
        { check: 'smoke', verdict: 'passed' },
      ],
    });
  });

  it('fails with the words of the check and the scrubbed log', async () => {
    await scene.dependencies.secrets.resolve('env:TOKEN');
    await scene.green.set({ status: 500 });
    const found = await verify([health({ retries: 2, intervalMs: 10 })]);
    expect(found.verdict).toBe('failed');
    expect(found.note).toMatch(/^health: \/health 500 in \d+ms, expected 200: green \(3 times\)$/);
    expect(found.logTail).toBe('column orders.region does not exist [env:TOKEN]');
    expect(found.logTail).not.toContain(CHECK_SECRETS.TOKEN);
  });

  it('fails when one answer takes longer than it may', async () => {
    await scene.green.set({ delayMs: 50 });
    const found = await verify([health({ withinMs: 20 })]);
    expect(found.verdict).toBe('failed');
    expect(found.note).toMatch(/^health: \/health 200 in \d+ms, at most 20ms$/);
    expect(await verify([health({ withinMs: 5_000 })])).toMatchObject({ verdict: 'passed' });
  });

  it('does not count what fails inside the start period', async () => {
    await scene.green.set({ status: 503 });
    const run = startActivity(activities.verify, {
      target: scene.target(),
      checks: [health({ startPeriodMs: 60_000, intervalMs: 10 })],
      colour: 'green',
    });
    await until('a heartbeat that says how long it has tried', () =>
      Promise.resolve(
        run.heartbeats.some((details) => (details as { elapsedMs?: number } | null)?.elapsedMs),
      ),
    );
    await scene.green.set({ status: 200 });
    expect(await run.result).toMatchObject({ verdict: 'passed' });
  });

  it('goes on with the start period an earlier worker began', async () => {
    await scene.green.set({ status: 503 });
    const input = {
      target: scene.target(),
      checks: [health({ startPeriodMs: 60_000 })],
      colour: 'green' as const,
    };
    const found = await startActivity(activities.verify, input, { elapsedMs: 61_000 }).result;
    expect(found.verdict).toBe('failed');
  });

  it('is inconclusive when a check could not be made, failed when another said no', async () => {
    const unknown = httpCheck({ name: 'unknown', url: 'http://no-such-host.invalid/' });
    expect(await verify([health(), unknown])).toMatchObject({ verdict: 'inconclusive' });
    await scene.green.set({ status: 500 });
    expect(await verify([health(), { ...unknown, retries: 1_000, intervalMs: 1_000 }])).toMatchObject({
      verdict: 'failed',
      outcomes: [
        { verdict: 'failed' },
        { check: 'unknown', verdict: 'inconclusive', detail: 'not waited for' },
      ],
    });
  });

  it('stops at once when it is cancelled', async () => {
    await scene.green.set({ status: 503 });
    const run = startActivity(activities.verify, {
      target: scene.target(),
      checks: [health({ retries: 1_000, intervalMs: 60_000 })],
      colour: 'green',
    });
    await until('a heartbeat', () => Promise.resolve(run.heartbeats.length > 0));
    run.environment.cancel('CANCELLED', { cancelRequested: true } as never);
    await expect(run.result).rejects.toThrow(CancelledFailure);
  });
});

describe('bake', () => {
  function baking(
    checks: CheckPlan[],
    change: Partial<BakePlan> = {},
    input: Partial<BakeInput> = {},
  ): BakeInput {
    const bake: BakePlan = { forMs: 300, intervalMs: 20, failures: 3, checks, ...change };
    const target = scene.target({ bake });
    return { target, colour: 'blue', baseline: {}, remainingMs: bake.forMs, ...input };
  }

  it('passes when the time is over and every check was good', async () => {
    const run = startActivity(activities.bake, baking([health()]));
    const found = await run.result;
    expect(found.verdict).toBe('passed');
    expect(found.note).toMatch(/^health: \/health 200 in \d+ms; (\d+) of \1 samples good$/);
  });

  it('passes at once without a bake', async () => {
    const target = scene.target({ bake: null });
    const input: BakeInput = { target, colour: 'blue', baseline: {}, remainingMs: 60_000 };
    expect(await runActivity(activities.bake, input)).toMatchObject({ verdict: 'passed' });
  });

  it('fails at once after so many bad samples in a row, long before the end', async () => {
    await scene.blue.set({ status: 500 });
    const found = await runActivity(activities.bake, baking([health()], { forMs: 3_600_000 }));
    expect(found).toMatchObject({
      verdict: 'failed',
      logTail: expect.stringContaining('column orders.region') as string,
    });
    expect(found.note).toContain('3 bad samples in a row');
  });

  it('forgives bad samples that are not in a row', async () => {
    await scene.blue.set({ errorShare: 0.5 });
    const found = await runActivity(activities.bake, baking([health()], { failures: 2 }));
    expect(found.verdict).toBe('passed');
    expect(found.note).toContain('expected 200');
  });

  it('does not end on a bad sample', async () => {
    await scene.blue.set({ status: 500 });
    const found = await runActivity(
      activities.bake,
      baking([health()], { forMs: 1, intervalMs: 10, failures: 4 }),
    );
    expect(found.verdict).toBe('failed');
  });

  it('is inconclusive when there was no answer, and counts that apart', async () => {
    const unknown = httpCheck({ name: 'unknown', url: 'http://no-such-host.invalid/' });
    const found = await runActivity(activities.bake, baking([health(), unknown]));
    expect(found.verdict).toBe('inconclusive');
    expect(found.note).toMatch(/unknown: .*; 0 of \d+ samples good, \d+ unanswered/);
  });

  it('is finished by another worker from the heartbeat, counting on', async () => {
    await scene.blue.set({ status: 500 });
    const tally = { good: 5, bad: 2, unanswered: 0, badInARow: 2, unansweredInARow: 0, detail: 'x' };
    const earlier = { elapsedMs: 3_600_000, tallies: { health: tally } };
    // the next sample alone is the third
    const hourly = { forMs: 36_000_000, intervalMs: 3_600_000 };
    const run = startActivity(activities.bake, baking([health()], hourly), earlier);
    expect((await run.result).note).toContain('3 bad samples in a row');
    const elapsed = run.heartbeats.map((details) => (details as { elapsedMs: number }).elapsedMs);
    expect(elapsed).not.toEqual([]);
    expect(Math.min(...elapsed)).toBeGreaterThanOrEqual(3_600_000);
  });

  it('is gone on with by the next activity when nobody heard of the one before any more', async () => {
    const tally = { good: 5, bad: 2, unanswered: 0, badInARow: 2, unansweredInARow: 0, detail: 'x' };
    const soFar = { elapsedMs: 3_600_000, tallies: { health: tally } };
    await scene.blue.set({ status: 500 });
    const found = await runActivity(activities.bake, baking([health()], { forMs: 3_600_000 }, { soFar }));
    expect(found.note).toContain('3 bad samples in a row');
  });

  it('fails when answers take too long, though each is good', async () => {
    await scene.blue.set({ delayMs: 30 });
    const slow = health({ withinMs: 10 });
    const found = await runActivity(activities.bake, baking([slow], { forMs: 3_600_000, intervalMs: 10 }));
    expect(found.verdict).toBe('failed');
    expect(found.note).toMatch(/95 % of 2\d answers within \d+ms, at most 10ms; 3 bad samples in a row/);
    expect(await runActivity(activities.bake, baking([health({ withinMs: 5_000 })]))).toMatchObject({
      verdict: 'passed',
    });
  });

  it('fails as soon as more samples are bad than the whole bake may have', async () => {
    await scene.blue.set({ errorShare: 0.5 });
    const bake = { forMs: 20_000, intervalMs: 10, failures: 50, maxErrors: 0.002 };
    const found = await runActivity(activities.bake, baking([health()], bake));
    expect(found.note).toMatch(/5 of \d+ samples bad, at most 0.2 %/);
  });

  it('starts over when the heartbeat is not one of its own', async () => {
    const run = startActivity(activities.bake, baking([health()]), { operationId: '7-deploy', offset: 3 });
    expect((await run.result).verdict).toBe('passed');
  });

  it('returns promptly when it is cancelled, and goes on later when the worker stops', async () => {
    for (const [reason, error] of [
      [{ cancelRequested: true }, CancelledFailure],
      [{ workerShutdown: true }, /the next attempt goes on/],
    ] as const) {
      const run = startActivity(
        activities.bake,
        baking([health()], { forMs: 3_600_000, intervalMs: 3_600_000 }),
      );
      await until('the first sample', () =>
        Promise.resolve(run.heartbeats.some((details) => details !== null) || null),
      );
      run.environment.cancel('CANCELLED', reason as never);
      await expect(run.result).rejects.toThrow(error);
    }
  });
});

describe('with Prometheus', () => {
  let prometheus: Prometheus;

  beforeAll(async () => {
    prometheus = await startPrometheus([scene.blue.address]);
    for (let asked = 0; asked < 5; asked += 1) await fetch(scene.blue.url);
    // as measureBaseline will look: at steps of a hundredth of the time
    await until('numbers at two steps of a baseline', async () => {
      const seen = await prometheus.query('count_over_time((sum(up{app="shop"}))[1m:600ms])');
      return seen !== null && seen >= 2;
    });
  });

  afterAll(async () => {
    await prometheus.stop();
  });

  async function bakeOnce(
    change: Partial<ReturnType<typeof prometheusCheck>> & { query: string },
    input: Partial<BakeInput> = {},
  ) {
    const check = prometheusCheck({ name: 'errors', server: prometheus.url, ...change });
    const bake: BakePlan = { forMs: 1, intervalMs: 10, failures: 1, checks: [check] };
    const target = { ...scene.target({ bake }), live: givenRecord(scene.target().plan, 'v1', 'blue') };
    const found = await runActivity(activities.bake, {
      target,
      colour: 'blue',
      baseline: {},
      remainingMs: 1,
      ...input,
    });
    return found;
  }

  it.each([
    ['passed', { query: 'sum(http_requests_total)', max: 1e9 }],
    ['failed', { query: 'sum(http_requests_total)', max: 1 }],
    ['passed', { query: 'sum(up{app="shop"})', min: 1 }],
    ['failed', { query: 'sum(up{app="shop"})', min: 2 }],
    ['inconclusive', { query: 'sum(no_such_metric)', max: 1 }],
    ['passed', { query: 'sum(no_such_metric) or vector(0)', max: 1 }],
    ['inconclusive', { query: 'http_requests_total', max: 1 }],
    ['inconclusive', { query: 'vector(0) / vector(0)', max: 1 }],
    ['inconclusive', { query: 'sum(', max: 1 }],
  ] as const)('%s: %j', async (verdict, change) => {
    expect(await bakeOnce(change)).toMatchObject({ verdict });
  });

  it('is inconclusive when nobody answers, or something else does', async () => {
    const gone = await bakeOnce({ query: 'up', max: 1, server: 'http://127.0.0.1:9' });
    expect(gone).toMatchObject({ verdict: 'inconclusive' });
    const other = await bakeOnce({ query: 'up', max: 1, server: scene.blue.url });
    expect(other.note).toContain('not an answer of Prometheus');
    expect(other.verdict).toBe('inconclusive');
  });

  it.each([
    ['a page', 200, '<html><title>Sign in</title></html>'],
    ['an error page', 502, '<html><h1>Bad gateway</h1></html>'],
    [
      'an error whose body reads like an answer',
      503,
      '{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"0"]}]}}',
    ],
    ['nothing', 200, ''],
  ])('is inconclusive when a proxy in front of it answers %s', async (_, status, body) => {
    const proxy = createServer((__, response) => response.writeHead(status).end(body));
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const server = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const found = await bakeOnce({ query: 'up', max: 1e9, server });
    proxy.close();
    expect(found).toMatchObject({ verdict: 'inconclusive' });
  });

  it('is inconclusive when it is there but too busy to answer in time', async () => {
    const busy = createServer(() => {});
    await once(busy.listen(0, '127.0.0.1'), 'listening');
    const server = `http://127.0.0.1:${(busy.address() as AddressInfo).port}`;
    const found = await bakeOnce({ query: 'up', max: 1, server, timeoutMs: 100 });
    busy.closeAllConnections();
    busy.close();
    expect(found).toMatchObject({ verdict: 'inconclusive' });
  });

  it('knows no increase over nothing: any error is too many, unless the query says how many are few', async () => {
    const query = 'sum(up{app="shop"}) - 1';
    const measure = async (query: string) => {
      const check = prometheusCheck({ name: 'errors', server: prometheus.url, query, maxIncrease: 2 });
      const target = scene.target({ bake: { forMs: 1, intervalMs: 10, failures: 1, checks: [check] } });
      return (await runActivity(activities.measureBaseline, { target })).baseline;
    };
    const baseline = await measure(query);
    expect(baseline).toEqual({ errors: 0 });
    expect(await bakeOnce({ query, maxIncrease: 2 }, { baseline })).toMatchObject({ verdict: 'passed' });
    const one = await bakeOnce({ query: 'sum(up{app="shop"})', maxIncrease: 2 }, { baseline });
    expect(one.note).toContain('1, limit 0 (2 × 0 before); write clamp_min(…');
    expect(one.verdict).toBe('failed');
    const floor = await measure(`clamp_min(${query}, 5)`);
    const few = { query: 'clamp_min(sum(up{app="shop"}), 5)', maxIncrease: 2 };
    expect(await bakeOnce(few, { baseline: floor })).toMatchObject({ verdict: 'passed' });
    expect(await bakeOnce({ query: 'up', maxIncrease: 2 }, { baseline: { errors: -1 } })).toMatchObject({
      verdict: 'inconclusive',
    });
  });

  it('holds the new number against the mean of before', async () => {
    const query = 'sum(up{app="shop"}) * 4';
    const check = prometheusCheck({ name: 'errors', server: prometheus.url, query, maxIncrease: 2 });
    const target = scene.target({ bake: { forMs: 1, intervalMs: 10, failures: 1, checks: [check] } });
    const { baseline } = await runActivity(activities.measureBaseline, { target });
    expect(baseline).toEqual({ errors: 4 });
    expect(await bakeOnce({ query, maxIncrease: 2 }, { baseline })).toMatchObject({ verdict: 'passed' });
    const jump = await bakeOnce({ query: `${query} * 3`, maxIncrease: 2 }, { baseline });
    expect(jump).toMatchObject({ verdict: 'failed' });
    expect(jump.note).toContain('12, limit 8 (2 × 4 before)');
  });

  it('compares with nothing only on a first release', async () => {
    const change = { query: 'sum(up)', maxIncrease: 2 };
    expect(await bakeOnce(change, { baseline: { errors: null } })).toMatchObject({ verdict: 'inconclusive' });
    const check = prometheusCheck({ name: 'errors', server: prometheus.url, ...change });
    const target = scene.target({ bake: { forMs: 1, intervalMs: 10, failures: 1, checks: [check] } });
    const first = await runActivity(activities.bake, {
      target,
      colour: 'green',
      baseline: {},
      remainingMs: 1,
    });
    expect(first).toMatchObject({ verdict: 'passed' });
  });

  it('measures no mean where there are only NaN, and the numbers where there are some', async () => {
    const mean = async (query: string) => {
      const check = prometheusCheck({ name: 'c', server: prometheus.url, query, maxIncrease: 2 });
      const target = scene.target({ bake: { forMs: 1, intervalMs: 10, failures: 1, checks: [check] } });
      return (await runActivity(activities.measureBaseline, { target })).baseline['c'];
    };
    expect(await mean('vector(0) / vector(0)')).toBeNull();
    expect(await mean('sum(up{app="shop"})')).toBe(1);
  });
});
