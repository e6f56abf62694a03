/** `evidence-within`: an old yes of a gate lets nothing begin, so nobody can keep one and leave out the no after it. */
import { describe, expect, test } from 'vitest';
import type { Seal } from '../../../pipeline/plan.js';
import type { Target } from '../../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import { carryOut, receiptsIn } from '../../support/carried-out.js';
import { givenPolicyStore } from '../../support/policies.js';
import {
  gateSaid,
  givenSealedRelease,
  NO_POLICY,
  type Name,
  type SealedRelease,
} from '../../support/sealed.js';
import { inputOf, useVouchingWorker } from '../../support/vouching-worker.js';

const HOUR_MS = 3_600_000;
const policyWith = (line: string) =>
  givenPolicyStore(`pipelines: {shop: {repositories: [/srv/shop.git], environments: {prod: {
    production: true, self-approval: false, hosts: [deploy@web-1, deploy@web-2]${line}}}}}`);
const TWO_HOURS = policyWith(', evidence-within: 2h');
const ONE_WEEK = policyWith('');

const { keys, begins, refusal } = useVouchingWorker();

const released = (name = 'prod', commit = 'a'.repeat(40)): Promise<SealedRelease> =>
  givenSealedRelease(keys.ours, { name, commit, policy: { rules: [] } });

/** What its gate said so long ago. */
const said = (release: SealedRelease, verdict: EvidenceItem['verdict'], hoursAgo: number) =>
  gateSaid(keys.ours, release, verdict, new Date(Date.now() - hoursAgo * HOUR_MS).toISOString());

/** What workers say when they have carried it out. */
const receiptsOf = async (release: SealedRelease): Promise<Seal[]> =>
  receiptsIn(await carryOut(keys.ours, release));

const BEGINNING: Name[] = ['preflight', 'proveWayBack', 'deploy'];
const changed = (release: SealedRelease, evidence: EvidenceItem[], more: Partial<Target> = {}) => ({
  ...release,
  target: { ...release.target, evidence, ...more },
});

describe('a gate that was asked too long ago', () => {
  test.each(BEGINNING)('lets no %s begin, and says how long ago and what to do', async (name) => {
    const release = await released();
    const old = changed(release, [await said(release, 'pass', 26.5)]);
    const reason =
      /^shop prod: gate ci was asked 26h ago, and its word counts for 2h; .*slipway release v1\.0\.0 --to prod asks it again/;
    expect(await refusal(name, inputOf(name, old), TWO_HOURS)).toMatch(reason);
    expect(await begins(name, inputOf(name, old), ONE_WEEK)).toBe(true);
    expect(await begins(name, inputOf(name, old), NO_POLICY)).toBe(true);
  });

  test('is one week old where the policy does not say', async () => {
    const release = await released();
    const old = changed(release, [await said(release, 'pass', 7 * 24 + 1)]);
    expect(await refusal('deploy', inputOf('deploy', old), ONE_WEEK)).toMatch(
      /asked 169h ago, .* counts for 7d/,
    );
  });

  test('counts again once it was asked again', async () => {
    const release = await released();
    const evidence = [await said(release, 'pass', 26), await said(release, 'pass', 1)];
    expect(await begins('deploy', inputOf('deploy', changed(release, evidence)), TWO_HOURS)).toBe(true);
  });

  test('stops nothing that has begun, and no way back', async () => {
    const release = await released();
    const old = changed(release, [await said(release, 'pass', 26)]);
    for (const name of ['claim', 'verify', 'switchTraffic', 'bake', 'undoDeploy', 'takeOver'] as const)
      expect(await begins(name, inputOf(name, old), TWO_HOURS), name).toBe(true);
  });
});

describe('what was live here', () => {
  test('comes back however long ago its gates were asked', async () => {
    const release = await released();
    const receipts = await receiptsOf(release);
    const old = changed(release, [await said(release, 'pass', 26)], { receipts });
    for (const name of BEGINNING) expect(await begins(name, inputOf(name, old), TWO_HOURS), name).toBe(true);
  });

  test.each<[string, () => Promise<Seal[]>]>([
    ['an unfinished change', async () => (await receiptsOf(await released())).slice(0, 2)],
    ['another environment', async () => await receiptsOf(await released('stage'))],
    ['another commit', async () => await receiptsOf(await released('prod', 'b'.repeat(40)))],
    ['nobody', async () => (await receiptsOf(await released())).map((seal) => ({ ...seal, signature: '' }))],
  ])('is not known by receipts of %s', async (_what, receiptsFrom) => {
    const release = await released();
    const receipts = await receiptsFrom();
    const old = changed(release, [await said(release, 'pass', 26)], { receipts });
    expect(await refusal('deploy', inputOf('deploy', old), TWO_HOURS)).toMatch(/asked 26h ago/);
  });
});
