/** The platform of a plan. */
import type { PlatformPlan } from '../../pipeline/plan-platform.js';
import { command } from './command.js';
import { compose } from './compose.js';
import { helm } from './helm.js';
import { kubernetes } from './kubernetes.js';
import type { Platform } from './platform.js';
import { stack } from './stack.js';
import { swarm } from './swarm.js';

export const PLATFORMS = { swarm, stack, compose, command, kubernetes, helm } satisfies Record<
  PlatformPlan['kind'],
  Platform
>;

export function platformFor({ kind }: PlatformPlan): Platform {
  return PLATFORMS[kind];
}
