/** What is refused of a change although its release was let in: the wrong undo, colour or time. */
import { beforeAll, expect, test } from 'vitest';
import type { Target } from '../../../workflows/activity-contract.js';
import { gateSaid, givenSealedRelease, type Name, type SealedRelease } from '../../support/sealed.js';
import { useVouchingWorker } from '../../support/vouching-worker.js';

const { keys, begins, refusal } = useVouchingWorker();
let release: SealedRelease;
let earlier: SealedRelease;

beforeAll(async () => {
  release = await givenSealedRelease(keys.ours);
  earlier = await givenSealedRelease(keys.ours, { version: 'v0.9.0' });
});

test('an undo brings back what was there before its own release, not before another one', async () => {
  const { target } = release;
  expect(await refusal('undoDeploy', { target, prior: earlier.prior })).toMatch(
    /what was there before is not vouched for/,
  );
  const recovery = { ...target, token: target.token + 2 };
  expect(await begins('undoDeploy', { target: recovery, prior: release.prior })).toBe(true);
  // a recovery puts the release before back over what the dead one recorded
  expect(await begins('deploy', { target, prior: earlier.prior })).toBe(true);
});

test('a database goes back only to where a worker found it before this very change', async () => {
  const { target, database: before } = release;
  const ask = (change: object): Promise<string> =>
    refusal('revertDatabase', { target, before, after: null, ...change });
  expect(await begins('revertDatabase', { target, before, after: null })).toBe(true);
  expect(await begins('revertDatabase', { target, before, after: before })).toBe(true);
  const recovery = { ...target, token: target.token + 2 };
  expect(await begins('revertDatabase', { target: recovery, before, after: null })).toBe(true);
  const why = /where it was before is not vouched for/;
  expect(await ask({ before: { ...before, revision: 'base' } })).toMatch(why);
  expect(await ask({ before: { revision: 'r1' } })).toMatch(why);
  expect(await ask({ before: earlier.database })).toMatch(why);
  expect(await ask({ after: { ...before, revision: 'r9' } })).toMatch(why);
  // of long ago: by then the database has gone on
  expect(await ask({ target: { ...target, token: target.token + 1_000 } })).toMatch(why);
});

test.each<[Name, (colour: unknown, target: Target) => unknown]>([
  ['verify', (colour, target) => ({ target, checks: [], colour })],
  ['bake', (colour, target) => ({ target, colour, baseline: {}, remainingMs: 1 })],
  ['retireColour', (colour, target) => ({ target, colour })],
  ['switchTraffic', (to, target) => ({ target, to, from: null, requireHealthy: false })],
  ['switchTraffic', (from, target) => ({ target, to: 'blue', from, requireHealthy: false })],
])('%s takes no other word for a colour', async (name, input) => {
  for (const colour of ['../home', 'live', '', 7, {}])
    expect(await refusal(name, input(colour, release.target))).toMatch(/no such colour/);
  expect(await begins(name, input('blue', release.target))).toBe(true);
});

test('without colours there is none to stop, to serve or to be asked', async () => {
  const { target } = await givenSealedRelease(keys.ours, { strategy: 'in-place', traffic: null });
  expect(await begins('claim', { target })).toBe(true);
  expect(await refusal('claim', { target: { ...target, colour: 'blue' } })).toMatch(/no such colour/);
  for (const colour of ['blue', null])
    expect(await refusal('retireColour', { target, colour })).toMatch(/no such colour/);
});

test('nothing goes forward before its wait is over, and everything goes back', async () => {
  const waiting = await givenSealedRelease(keys.ours, { waitMs: 60_000 });
  const { target, prior } = waiting;
  const passed = async (agoMs: number): Promise<Target> => {
    const at = new Date(Date.now() - agoMs).toISOString();
    return { ...target, evidence: [await gateSaid(keys.ours, waiting, 'pass', at)] };
  };
  const early = await passed(10_000);
  for (const [name, input] of [
    ['preflight', { target: early }],
    ['deploy', { target: early, prior }],
    ['switchTraffic', { target: early, to: 'green', from: 'blue', requireHealthy: true }],
  ] as const)
    expect(await refusal(name, input)).toMatch(/60 s after the last approval or gate/);
  expect(await begins('undoDeploy', { target: early, prior })).toBe(true);
  expect(await begins('takeOver', { target: early })).toBe(true);
  expect(await begins('deploy', { target: await passed(61_000), prior })).toBe(true);
});
