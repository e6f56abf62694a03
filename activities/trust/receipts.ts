/** That a release was carried out in an environment: a receipt for each step that makes it live there. */
import { hashJson } from '../../pipeline/hash-plan.js';
import type { CheckPlan, EnvironmentPlan, Seal } from '../../pipeline/plan.js';
import type { Target } from '../../workflows/activity-contract.js';
import { checksHere } from '../../workflows/target-hosts.js';
import type { SealKeys } from './seal-keys.js';
import { openSeal, sealStatement, type StatementOf } from './statements.js';

type Receipt = StatementOf<'step'>;

/** What a worker that has carried out `step` says of it. */
export function sealReceipt(
  keys: SealKeys,
  { plan, commit, token }: Pick<Target, 'plan' | 'commit' | 'token'>,
  step: Receipt['step'],
): Seal {
  const about = { pipeline: plan.pipeline, environment: plan.name, commit: commit.sha };
  return sealStatement(keys, { kind: 'step', ...about, token, step, needs: neededOf(plan) });
}

/** All of them, under one token. */
export function wasCarriedOut(
  keys: SealKeys,
  receipts: Seal[],
  { pipeline, environment, commit }: Pick<Receipt, 'pipeline' | 'environment' | 'commit'>,
): boolean {
  const said = receipts
    .flatMap((seal) => openSeal(keys, seal, 'step') ?? [])
    .filter(
      (each) => each.pipeline === pipeline && each.environment === environment && each.commit === commit,
    );
  return said.some(({ token, needs }) =>
    needs.every((step) => said.some((each) => each.token === token && each.step === step)),
  );
}

/** Checks that leave one out say nothing of the release; those of a host that the release goes on without are not made. */
export function isWholeVerification(plan: EnvironmentPlan, made: CheckPlan[]): boolean {
  const hashes = made.map(hashJson);
  return checksHere(plan, [...plan.checks, ...plan.dependencies]).every((check) =>
    hashes.includes(hashJson(check)),
  );
}

function neededOf({ strategy, traffic }: EnvironmentPlan): Receipt['step'][] {
  const moves = strategy === 'blue-green' && traffic !== null;
  return ['deploy', 'verify', ...(moves ? (['switch'] as const) : [])];
}
