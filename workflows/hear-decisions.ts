/** What a worker makes of decisions that people signed. */
import { CancellationScope } from '@temporalio/workflow';
import type { DecisionClaim } from './activity-contract.js';
import { perform } from './activity-options.js';
import { hearClaim } from './hear-claim.js';
import type { EvidenceItem } from './result.js';

/** Rejects only when it is cancelled. */
export async function hearDecision(claim: DecisionClaim): Promise<EvidenceItem> {
  const { subject, by } = claim;
  const { decision, environment } = subject;
  const summary = `${decision} of ${environment} by ${by}`;
  return await hearClaim({ kind: 'decision', name: decision, by }, () =>
    perform('verifyDecision', claim, { summary, priority: 1 }),
  );
}

export function counts({ verdict }: EvidenceItem): boolean {
  return verdict === 'approved';
}

/** Signed words to an environment: heard one after the other, and nothing of what they ask for happens before. */
export class HeardInTurn {
  /** Not yet looked at. */
  unheard = 0;
  private last = Promise.resolve();

  /** `then` must not throw. */
  hear(claim: DecisionClaim, then: (item: EvidenceItem) => void): void {
    this.unheard += 1;
    this.last = this.last.then(() =>
      CancellationScope.nonCancellable(async () => {
        const item = await hearDecision(claim);
        this.unheard -= 1;
        then(item);
      }),
    );
  }
}
