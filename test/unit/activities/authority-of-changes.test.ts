/** What is refused of a change although its release was let in: the wrong undo, colour or time. */
import { beforeAll, expect, test } from 'vitest';
import type { Target } from '../../../workflows/activity-contract.js';
import {
  beginsWith,
  evidenceOf,
  gateInput,
  givenSealedRelease,
  refusalWith,
  throughVouching,
  useSealKeys,
  type Name,
  type SealedRelease,
} from '../../support/sealed.js';

const keys = useSealKeys();
let release: SealedRelease;
let earlier: SealedRelease;

beforeAll(async () => {
  release = await givenSealedRelease(keys.ours);
  earlier = await givenSealedRelease(keys.ours, { version: 'v0.9.0' });
});

const call = (name: Name, input: unknown): Promise<boolean> => beginsWith(keys.ours, name, input);
const refusalOf = (name: Name, input: unknown): Promise<string> => refusalWith(keys.ours, name, input);

test('an undo brings back what was there before its own release, not before another one', async () => {
  const { target } = release;
  expect(await refusalOf('undoDeploy', { target, prior: earlier.prior })).toMatch(
    /what was there before is not vouched for/,
  );
  const recovery = { ...target, token: target.token + 2 };
  expect(await call('undoDeploy', { target: recovery, prior: release.prior })).toBe(true);
  // a recovery puts the release before back over what the dead one recorded
  expect(await call('deploy', { target, prior: earlier.prior })).toBe(true);
});

test.each<[Name, (colour: unknown, target: Target) => unknown]>([
  ['verify', (colour, target) => ({ target, checks: [], colour })],
  ['bake', (colour, target) => ({ target, colour, baseline: {}, remainingMs: 1 })],
  ['retireColour', (colour, target) => ({ target, colour })],
  ['switchTraffic', (to, target) => ({ target, to, from: null, requireHealthy: false })],
  ['switchTraffic', (from, target) => ({ target, to: 'blue', from, requireHealthy: false })],
])('%s takes no other word for a colour', async (name, input) => {
  for (const colour of ['../home', 'live', '', 7, {}])
    expect(await refusalOf(name, input(colour, release.target))).toMatch(/no such colour/);
  expect(await call(name, input('blue', release.target))).toBe(true);
});

test('without colours there is none to stop, to serve or to be asked', async () => {
  const { target } = await givenSealedRelease(keys.ours, { strategy: 'in-place', traffic: null });
  expect(await call('claim', { target })).toBe(true);
  expect(await refusalOf('claim', { target: { ...target, colour: 'blue' } })).toMatch(/no such colour/);
  for (const colour of ['blue', null])
    expect(await refusalOf('retireColour', { target, colour })).toMatch(/no such colour/);
});

test('nothing goes forward before its wait is over, and everything goes back', async () => {
  const { plan, environment, artifacts, target, prior } = await givenSealedRelease(keys.ours, {
    waitMs: 60_000,
  });
  const passed = async (agoMs: number): Promise<Target> => {
    const at = new Date(Date.now() - agoMs).toISOString();
    const asked = gateInput(plan, environment, artifacts);
    const item = await throughVouching(keys.ours, 'runGate', asked, () => evidenceOf('pass', at));
    return { ...target, evidence: [item] };
  };
  const early = await passed(10_000);
  for (const [name, input] of [
    ['preflight', { target: early }],
    ['deploy', { target: early, prior }],
    ['switchTraffic', { target: early, to: 'green', from: 'blue', requireHealthy: true }],
  ] as const)
    expect(await refusalOf(name, input)).toMatch(/60 s after the last approval or gate/);
  expect(await call('undoDeploy', { target: early, prior })).toBe(true);
  expect(await call('takeOver', { target: early })).toBe(true);
  expect(await call('deploy', { target: await passed(61_000), prior })).toBe(true);
});
