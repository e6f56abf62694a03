/**
 * Plans wait in workflow histories for weeks, so a worker meets plans that an older version compiled. Called where a
 * persisted plan enters an activity; its planHash stays that of the plan as it was compiled.
 */
import { PLAN_VERSION, type EnvironmentPlan, type ReleasePlan } from './plan.js';
import { refusePlan } from './plan-refused.js';

type Persisted = Record<string, unknown>;

/** Fields that version 1 gained after plans without them may have been persisted, with what they mean when absent. */
const ADDED_TO_ENVIRONMENT: Readonly<Persisted> = { fixedTags: [] };
const ADDED_TO_TRAFFIC: Readonly<Persisted> = { colourUrls: null };

function isObject(value: unknown): value is Persisted {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws PlanRefused for a version no worker ever wrote and for one that only a newer worker knows. */
function requireKnownVersion(plan: unknown): Persisted {
  const version = isObject(plan) ? plan['planVersion'] : undefined;
  if (!isObject(plan) || typeof version !== 'number' || !Number.isInteger(version) || version < 1) {
    const shown = version === undefined ? 'no planVersion' : `planVersion ${JSON.stringify(version)}`;
    throw refusePlan(
      `this plan has ${shown}, which no version of Slipway wrote`,
      'plan',
      'start the release again',
    );
  }
  if (version > PLAN_VERSION) {
    throw refusePlan(
      `this plan has planVersion ${version}; this worker knows up to ${PLAN_VERSION}`,
      'plan',
      'update this worker, or let a newer one carry it out',
    );
  }
  return plan;
}

export function upcastEnvironmentPlan(plan: unknown): EnvironmentPlan {
  const known = requireKnownVersion(plan);
  const traffic = known['traffic'];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its compiler checked it; only newer fields can be missing
  return {
    ...ADDED_TO_ENVIRONMENT,
    ...known,
    planVersion: PLAN_VERSION,
    traffic: isObject(traffic) ? { ...ADDED_TO_TRAFFIC, ...traffic } : traffic,
  } as unknown as EnvironmentPlan;
}

/** The plan as this version would have written it. */
export function upcastPlan(plan: unknown): ReleasePlan {
  const known = requireKnownVersion(plan);
  const environments: unknown = known['environments'];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  return {
    ...known,
    planVersion: PLAN_VERSION,
    environments: Array.isArray(environments) ? environments.map(upcastEnvironmentPlan) : environments,
  } as unknown as ReleasePlan;
}
