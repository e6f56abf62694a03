/** The kinds of platforms that a chaos run can stand on. */
import type { SetGround } from './ground.js';
import { setSwarmGround } from './grounds/swarm.js';

export const GROUNDS = {
  swarm: setSwarmGround,
} satisfies Record<string, SetGround>;

export type PlatformName = keyof typeof GROUNDS;

export const PLATFORM_NAMES = Object.keys(GROUNDS);

export function isPlatformName(name: string): name is PlatformName {
  return name in GROUNDS;
}
