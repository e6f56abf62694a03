/** `after`: a release enters only when workers vouch that its commit was carried out in the environment before. */
import { describe, expect, test } from 'vitest';
import type { CheckPlan, Colour, Seal } from '../../../pipeline/plan.js';
import type { Activities, Target } from '../../../workflows/activity-contract.js';
import type { EvidenceItem } from '../../../workflows/result.js';
import {
  beginsWith,
  givenSealedRelease,
  refusalWith,
  throughVouching,
  useSealKeys,
  type SealedRelease,
} from '../../support/sealed.js';

const keys = useSealKeys();

type Steps = Partial<Record<'deploy' | 'verify' | 'switch', Seal | undefined>>;

/** What workers give out when they carry this out, step by step. */
async function carryOut(
  { target, prior }: Pick<SealedRelease, 'target' | 'prior'>,
  {
    by = keys.ours,
    checks = [...target.plan.checks, ...target.plan.dependencies],
    verdict = 'passed',
    requireHealthy = true,
    to = 'green',
    colour = target.colour,
  }: Partial<Pick<Parameters<Activities['switchTraffic']>[0], 'requireHealthy' | 'to'>> & {
    by?: typeof keys.ours;
    checks?: CheckPlan[];
    colour?: Colour | null;
    verdict?: 'passed' | 'failed';
  } = {},
): Promise<Steps> {
  const deployed = await throughVouching(by, 'deploy', { target, prior }, () => ({ note: '' }));
  const verified = await throughVouching(by, 'verify', { target, checks, colour }, () => ({
    verdict,
    note: '',
    outcomes: [],
    logTail: null,
  }));
  if (target.colour === null) return { deploy: deployed.receipt, verify: verified.receipt };
  const moved = await throughVouching(
    by,
    'switchTraffic',
    { target, to, from: 'blue', requireHealthy },
    () => ({ confirmed: 1, tookMs: 1, note: '' }),
  );
  return { deploy: deployed.receipt, verify: verified.receipt, switch: moved.receipt };
}

function evidenceOf(steps: Steps): EvidenceItem {
  const receipts = Object.values(steps).filter((seal) => seal !== undefined);
  const item = { kind: 'gate', name: 'good on stage', verdict: 'pass', by: null, note: null } as const;
  return { ...item, at: '2026-11-14T10:00:00.000Z', receipts };
}

async function prodAfterStage(): Promise<{ prod: SealedRelease; stage: SealedRelease }> {
  const stage = await givenSealedRelease(keys.ours, { name: 'stage' });
  const evidence = [evidenceOf(await carryOut(stage))];
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
    expect(await beginsWith(keys.ours, 'deploy', { target: prod.target, prior: prod.prior })).toBe(true);
  });

  test('is entered without a switch where there was none to make', async () => {
    const stage = await givenSealedRelease(keys.ours, {
      name: 'stage',
      strategy: 'in-place',
      traffic: null,
    });
    const { deploy, verify } = await carryOut(stage);
    const evidence = [evidenceOf({ deploy, verify })];
    const prod = await givenSealedRelease(keys.ours, { name: 'prod', after: ['stage'], evidence });
    expect(await beginsWith(keys.ours, 'deploy', { target: prod.target, prior: prod.prior })).toBe(true);
  });

  test('is not entered on the word of an environment', async () => {
    const { prod } = await prodAfterStage();
    for (const item of [evidenceOf({}), { ...evidenceOf({}), receipts: 'stage' as unknown as Seal[] }])
      expect(await refusalWith(keys.ours, 'deploy', entering(prod, item))).toMatch(
        /nobody vouches that .* was live and well on stage/,
      );
  });

  const ATTACKS: [string, (scene: { stage: SealedRelease; prod: SealedRelease }) => Promise<Steps>][] = [
    ['a deploy only', async ({ stage }) => ({ deploy: (await carryOut(stage)).deploy })],
    ['no switch', async ({ stage }) => ({ ...(await carryOut(stage)), switch: undefined })],
    ['checks that failed', async ({ stage }) => await carryOut(stage, { verdict: 'failed' })],
    ['a verification that leaves checks out', async ({ stage }) => await carryOut(stage, { checks: [] })],
    ['a verification of the other colour', async ({ stage }) => await carryOut(stage, { colour: 'blue' })],
    ['a switch on the way back', async ({ stage }) => await carryOut(stage, { requireHealthy: false })],
    ['a switch to the other colour', async ({ stage }) => await carryOut(stage, { to: 'blue' })],
    [
      'steps of two changes',
      async ({ stage }) => {
        const later: Target = { ...stage.target, token: 8 };
        const { deploy } = await carryOut(stage);
        return { ...(await carryOut({ ...stage, target: later })), deploy };
      },
    ],
    [
      'another commit',
      async () => {
        const other = await givenSealedRelease(keys.ours, { name: 'stage', commit: 'b'.repeat(40) });
        return await carryOut(other);
      },
    ],
    [
      'another pipeline',
      async () => await carryOut(await givenSealedRelease(keys.ours, { name: 'stage', pipeline: 'other' })),
    ],
    ['another environment', async () => await carryOut(await givenSealedRelease(keys.ours, { name: 'dev' }))],
    [
      'receipts of somebody nobody trusts',
      async () =>
        await carryOut(await givenSealedRelease(keys.foreign, { name: 'stage' }), { by: keys.foreign }),
    ],
  ];
  test.each(ATTACKS)('is not entered with %s', async (_what, attack) => {
    const scene = await prodAfterStage();
    const item = evidenceOf(await attack(scene));
    expect(await refusalWith(keys.ours, 'deploy', entering(scene.prod, item))).toMatch(
      /nobody vouches that .* was live and well on stage/,
    );
  });
});
