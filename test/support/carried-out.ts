/** Releases that were carried out, and the receipts that workers give out for it. */
import type { SealKeys } from '../../activities/trust/seal-keys.js';
import type { CheckPlan, Colour, Seal } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import { throughVouching, type SealedRelease } from './sealed.js';

export type Steps = Partial<Record<'deploy' | 'verify' | 'switch', Seal | undefined>>;

interface Otherwise extends Partial<
  Pick<Parameters<Activities['switchTraffic']>[0], 'requireHealthy' | 'to'>
> {
  checks?: CheckPlan[];
  colour?: Colour | null;
  verdict?: 'passed' | 'failed';
}

/** What workers give out when they carry this out, step by step. */
export async function carryOut(
  by: SealKeys,
  { target, prior }: Pick<SealedRelease, 'target' | 'prior'>,
  {
    checks = [...target.plan.checks, ...target.plan.dependencies],
    verdict = 'passed',
    requireHealthy = true,
    to = 'green',
    colour = target.colour,
  }: Otherwise = {},
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

export function receiptsIn(steps: Steps): Seal[] {
  return Object.values(steps).filter((seal) => seal !== undefined);
}
