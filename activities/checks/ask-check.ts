/** One try of any check. Never rejects except when stopped, or when the plan itself is wrong (BadInput, Refused). */
import { ApplicationFailure } from '@temporalio/common';
import type { CheckPlan } from '../../pipeline/plan.js';
import type { CheckOutcome } from '../../workflows/activity-contract.js';
import { inconclusive, type CheckContext, type Finding } from './check.js';
import { askHttpCheck } from './http.js';
import { askLogsCheck } from './logs.js';
import { askMigrationsCheck } from './migrations.js';
import { askPrometheusCheck } from './prometheus.js';
import { askRunCheck } from './run.js';
import { askTcpCheck } from './tcp.js';

export type AskCheck = (plan: CheckPlan, context: CheckContext) => Promise<CheckOutcome>;

export const askCheck: AskCheck = async (plan, context) => {
  try {
    return { check: plan.name, ...(await ask(plan, context)) };
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof ApplicationFailure && error.nonRetryable) throw error;
    return { check: plan.name, ...inconclusive(error instanceof Error ? error.message : String(error)) };
  }
};

function ask(plan: CheckPlan, context: CheckContext): Promise<Finding> {
  switch (plan.kind) {
    case 'http':
      return askHttpCheck(plan, context);
    case 'tcp':
      return askTcpCheck(plan, context);
    case 'run':
      return askRunCheck(plan, context);
    case 'prometheus':
      return askPrometheusCheck(plan, context);
    case 'logs':
      return askLogsCheck(plan, context);
    case 'migrations':
      return askMigrationsCheck(plan, context);
  }
}
