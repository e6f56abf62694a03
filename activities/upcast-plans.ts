/**
 * Plans wait in histories for weeks, so activities are given plans of older versions. Here, in front of all of them,
 * each becomes the plan this version would have written.
 */
import type { ActivityInterceptors } from '@temporalio/worker';
import { PlanRefused, upcastEnvironmentPlan, upcastPlan } from '../pipeline/index.js';
import { PLAN_VERSION } from '../pipeline/plan.js';
import { badInput, unreachable } from './failure.js';

/**
 * For both workers. A plan that no version wrote is BadInput; one that only a newer worker knows is tried again, since
 * a newer worker of the same task queue may take it.
 */
export function upcastPlans(): ActivityInterceptors {
  return {
    inbound: {
      execute: (input, next) => next({ ...input, args: input.args.map(upcastInput) }),
    },
  };
}

type Input = Record<string, unknown>;

function isObject(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Plans are `plan`, `target.plan`, and those of the releases in `live`; other inputs of that name have no version. */
function upcastInput(input: unknown): unknown {
  if (!isObject(input)) return input;
  const upcast: Input = { ...input };
  if (isObject(input['target'])) upcast['target'] = upcastHolder(input['target']);
  return isObject(input['plan']) && !('planVersion' in input['plan']) ? upcast : upcastHolder(upcast);
}

function upcastHolder(holder: Input): Input {
  const upcast: Input = { ...holder };
  if (isObject(holder['plan'])) upcast['plan'] = upcastOne(holder['plan']);
  if (isObject(holder['live'])) upcast['live'] = upcastHolder(holder['live']);
  return upcast;
}

function upcastOne(plan: Input): unknown {
  try {
    return Array.isArray(plan['environments']) ? upcastPlan(plan) : upcastEnvironmentPlan(plan);
  } catch (error) {
    if (!(error instanceof PlanRefused)) throw error;
    const [{ what, where, wayOut }] = error.problems;
    const isNewer = typeof plan['planVersion'] === 'number' && plan['planVersion'] > PLAN_VERSION;
    throw (isNewer ? unreachable : badInput)({ what, where, why: null, wayOut });
  }
}
