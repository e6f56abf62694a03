/** A worker as it stands in front of its activities: what it is asked, what it lets begin and what it refuses. */
import { ApplicationFailure } from '@temporalio/common';
import type { PolicyStore } from '../../activities/trust/policy-store.js';
import type { SealKeys } from '../../activities/trust/seal-keys.js';
import { FAILURE } from '../../workflows/failures.js';
import { throughVouching, useSealKeys, type Name, type SealedRelease } from './sealed.js';

export interface VouchingWorker {
  /** Its own, and those of somebody nobody trusts. */
  keys: { readonly ours: SealKeys; readonly foreign: SealKeys };
  /** Did the activity begin, given this? */
  begins(name: Name, input: unknown, policy?: PolicyStore): Promise<boolean>;
  /** Why it did not begin; throws when it did. */
  refusal(name: Name, input: unknown, policy?: PolicyStore): Promise<string>;
}

/** The worker of this file. */
export function useVouchingWorker(): VouchingWorker {
  const keys = useSealKeys();
  const begins: VouchingWorker['begins'] = async (name, input, policy) => {
    let begun = false;
    const act = (): never => {
      begun = true;
      return { prior: [], artifacts: [], verdict: 'pass', at: '', after: { revision: 'r2' } } as never;
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the very point: anybody may send anything
    await throughVouching(keys.ours, name, input as never, act, policy);
    return begun;
  };
  return {
    keys,
    begins,
    refusal: async (name, input, policy) => {
      const outcome = await begins(name, input, policy).catch((error: unknown) => error);
      if (
        !(outcome instanceof ApplicationFailure) ||
        outcome.type !== FAILURE.unauthorized ||
        outcome.nonRetryable !== true
      )
        throw new Error(`${name} was not refused: ${String(outcome)}`);
      return outcome.message;
    },
  };
}

/** What an activity of a change is asked: to bring in this target, in the place of what was there before. */
export function inputOf(
  name: Name,
  {
    target,
    prior,
    database: before = { revision: 'r1' },
  }: Pick<SealedRelease, 'target' | 'prior'> & Partial<Pick<SealedRelease, 'database'>>,
): object {
  const more: Partial<Record<Name, object>> = {
    deploy: { prior },
    undoDeploy: { prior },
    migrateDatabase: { before },
    revertDatabase: { before, after: null },
    stopHost: { prior },
    verify: { checks: target.plan.checks, colour: target.colour },
    bake: { colour: target.colour, baseline: {}, remainingMs: 1 },
    switchTraffic: { to: 'green', from: 'blue', requireHealthy: true },
    retireColour: { colour: 'blue' },
  };
  return { target, ...more[name] };
}

/** All of a change, for which `inputOf` says what they are asked. */
export const OF_A_TARGET: readonly Name[] = [
  'preflight',
  'claim',
  'proveWayBack',
  'readDatabase',
  'backupDatabase',
  'migrateDatabase',
  'contractDatabase',
  'revertDatabase',
  'deploy',
  'verify',
  'measureBaseline',
  'bake',
  'tagArtifacts',
  'retireColour',
  'switchTraffic',
  'undoDeploy',
  'stopHost',
  'takeOver',
];

/** Of a rollback that restores: they are asked about what it leaves (`authority-of-restores.test.ts`). */
export const RESTORING: readonly Name[] = ['readBackup', 'stopWriters', 'restoreDatabase'];
