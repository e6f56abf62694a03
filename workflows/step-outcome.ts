/** How a step of a change ended. */
import type { FailureReport } from './result.js';

export interface StepOutcome {
  /** `expired`: a person's word was waited for in vain; undone whatever `on-failure` says. */
  verdict: 'passed' | 'failed' | 'inconclusive' | 'expired';
  note: string | null;
  /** As StepReport has them. */
  warnings?: string[];
  failure: FailureReport | null;
}
