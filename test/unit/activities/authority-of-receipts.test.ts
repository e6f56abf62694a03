/** `after`: a release enters only when workers vouch that its commit was carried out in the environment before. */
import { describe, expect, test } from 'vitest';
import type { CheckPlan, Seal } from '../../../pipeline/plan.js';
import type { Target } from '../../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import { onHosts } from '../../../workflows/target-hosts.js';
import { carryOut, receiptsIn, type Steps } from '../../support/carried-out.js';
import { givenSealedRelease, type SealedRelease } from '../../support/sealed.js';
import { useVouchingWorker } from '../../support/vouching-worker.js';

const { keys, begins, refusal } = useVouchingWorker();

function evidenceOf(steps: Steps): EvidenceItem {
  const item = { kind: 'gate', name: 'good on stage', verdict: 'pass', by: null, note: null } as const;
  return { ...item, at: '2026-11-14T10:00:00.000Z', receipts: receiptsIn(steps) };
}

async function prodAfterStage(): Promise<{ prod: SealedRelease; stage: SealedRelease }> {
  const stage = await givenSealedRelease(keys.ours, { name: 'stage' });
  const evidence = [evidenceOf(await carryOut(keys.ours, stage))];
  const prod = await givenSealedRelease(keys.ours, { name: 'prod', after: ['stage'], evidence });
  return { prod, stage };
}

/** With `item` in place of what let it in. */
const entering = ({ target, prior, evidence }: SealedRelease, item: EvidenceItem) => ({
  target: { ...target, evidence: [...evidence.filter(({ receipts }) => receipts === undefined), item] },
  prior,
});

describe('an environment after another', () => {
  test('is entered with the receipts of all that made it live there', async () => {
    const { prod } = await prodAfterStage();
    expect(await begins('deploy', { target: prod.target, prior: prod.prior })).toBe(true);
  });

  test('is entered without a switch where there was none to make', async () => {
    const stage = await givenSealedRelease(keys.ours, {
      name: 'stage',
      strategy: 'in-place',
      traffic: null,
    });
    const { deploy, verify } = await carryOut(keys.ours, stage);
    const evidence = [evidenceOf({ deploy, verify })];
    const prod = await givenSealedRelease(keys.ours, { name: 'prod', after: ['stage'], evidence });
    expect(await begins('deploy', { target: prod.target, prior: prod.prior })).toBe(true);
  });

  test('is entered where a host stood apart, whose own checks nobody could make', async () => {
    const check = (host: string): CheckPlan => {
      const common = { timeoutMs: 1, retries: 0, intervalMs: 1, startPeriodMs: 0 };
      return { ...common, kind: 'tcp', name: `up on ${host}`, host, port: 1, inside: null };
    };
    const checks = [check('web-1'), check('web-2')];
    const stage = await givenSealedRelease(keys.ours, {
      name: 'stage',
      strategy: 'in-place',
      traffic: null,
      checks,
    });
    const { plan } = stage.target;
    const apart = { ...stage.target, ...onHosts(stage.target, plan.hosts.slice(0, 1)) };
    const enters = async (target: Target, made: CheckPlan[]): Promise<boolean> => {
      const { verify } = await carryOut(keys.ours, { ...stage, target }, { checks: made });
      return verify !== undefined;
    };
    expect(plan.hosts.map(({ name }) => name)).toEqual(['web-1', 'web-2']);
    expect(await enters(apart, checks.slice(0, 1))).toBe(true);
    expect(await enters(apart, [])).toBe(false);
    expect(await enters(stage.target, checks.slice(0, 1))).toBe(false);
    expect(await enters(stage.target, checks)).toBe(true);
  });

  test('is not entered on the word of an environment', async () => {
    const { prod } = await prodAfterStage();
    for (const item of [evidenceOf({}), { ...evidenceOf({}), receipts: 'stage' as unknown as Seal[] }])
      expect(await refusal('deploy', entering(prod, item))).toMatch(
        /nobody vouches that .* was live and well on stage/,
      );
  });

  const ATTACKS: [string, (scene: { stage: SealedRelease; prod: SealedRelease }) => Promise<Steps>][] = [
    ['a deploy only', async ({ stage }) => ({ deploy: (await carryOut(keys.ours, stage)).deploy })],
    ['no switch', async ({ stage }) => ({ ...(await carryOut(keys.ours, stage)), switch: undefined })],
    ['checks that failed', async ({ stage }) => await carryOut(keys.ours, stage, { verdict: 'failed' })],
    [
      'a verification that leaves checks out',
      async ({ stage }) => await carryOut(keys.ours, stage, { checks: [] }),
    ],
    [
      'a verification of the other colour',
      async ({ stage }) => await carryOut(keys.ours, stage, { colour: 'blue' }),
    ],
    [
      'a switch on the way back',
      async ({ stage }) => await carryOut(keys.ours, stage, { requireHealthy: false }),
    ],
    ['a switch to the other colour', async ({ stage }) => await carryOut(keys.ours, stage, { to: 'blue' })],
    [
      'steps of two changes',
      async ({ stage }) => {
        const later: Target = { ...stage.target, token: 8 };
        const { deploy } = await carryOut(keys.ours, stage);
        return { ...(await carryOut(keys.ours, { ...stage, target: later })), deploy };
      },
    ],
    [
      'another commit',
      async () => {
        const other = await givenSealedRelease(keys.ours, { name: 'stage', commit: 'b'.repeat(40) });
        return await carryOut(keys.ours, other);
      },
    ],
    [
      'another pipeline',
      async () =>
        await carryOut(keys.ours, await givenSealedRelease(keys.ours, { name: 'stage', pipeline: 'other' })),
    ],
    [
      'another environment',
      async () => await carryOut(keys.ours, await givenSealedRelease(keys.ours, { name: 'dev' })),
    ],
    [
      'receipts of somebody nobody trusts',
      async () => await carryOut(keys.foreign, await givenSealedRelease(keys.foreign, { name: 'stage' })),
    ],
  ];
  test.each(ATTACKS)('is not entered with %s', async (_what, attack) => {
    const scene = await prodAfterStage();
    const item = evidenceOf(await attack(scene));
    expect(await refusal('deploy', entering(scene.prod, item))).toMatch(
      /nobody vouches that .* was live and well on stage/,
    );
  });
});
