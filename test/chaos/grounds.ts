/** The kinds of platforms that a chaos run can stand on. */
import type { SetGround } from './ground.js';
import { setComposeGround } from './grounds/compose.js';
import { setFleetGround } from './grounds/fleet.js';
import { setKubernetesGround } from './grounds/kubernetes.js';
import { setSwarmGround } from './grounds/swarm.js';

export const GROUNDS = {
  swarm: setSwarmGround,
  compose: setComposeGround,
  kubernetes: setKubernetesGround,
  fleet: setFleetGround,
} satisfies Record<string, SetGround>;

export type PlatformName = keyof typeof GROUNDS;

export const PLATFORM_NAMES = Object.keys(GROUNDS);

export function isPlatformName(name: string): name is PlatformName {
  return name in GROUNDS;
}
