/** The platform of a plan. */
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import { badInput } from '../failure.js';
import { command } from './command.js';
import { kubernetes } from './kubernetes.js';
import type { Platform } from './platform.js';
import { stack } from './stack.js';
import { swarm } from './swarm.js';

export const PLATFORMS = { swarm, stack, command, kubernetes } satisfies Partial<
  Record<PlatformPlan['kind'], Platform>
>;

/** Throws BadInput for a kind this version cannot carry out; plans with one are refused before they get here. */
export function platformFor({ kind }: PlatformPlan): Platform {
  if (isCarriedOut(kind)) return PLATFORMS[kind];
  throw badInput({
    what: `platform ${kind} cannot be carried out by this version`,
    where: 'platform',
    why: null,
    wayOut: `use one of: ${Object.keys(PLATFORMS).join(', ')}`,
  });
}

function isCarriedOut(kind: PlatformPlan['kind']): kind is keyof typeof PLATFORMS {
  return Object.hasOwn(PLATFORMS, kind);
}
