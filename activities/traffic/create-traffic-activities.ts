import type { Activities } from '../../workflows/activity-contract.js';
import type { TrafficDependencies } from './open-traffic.js';
import { createSwitchTraffic } from './switch-traffic.js';

/** The activity that moves traffic, there and back. */
export function createTrafficActivities(
  dependencies: TrafficDependencies,
): Pick<Activities, 'switchTraffic'> {
  return { switchTraffic: createSwitchTraffic(dependencies) };
}
