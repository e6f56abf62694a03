/** Where an environment's platform is asked: its hosts, the worker, or a cluster. Pure. */
import type { EnvironmentPlan } from './plan.js';
import type { HostPlan } from './plan-platform.js';

export function placesOfPlan({ platform, hosts }: Pick<EnvironmentPlan, 'platform' | 'hosts'>): HostPlan[] {
  if ('kubeconfig' in platform) return [{ name: 'cluster', address: 'local' }];
  return isOnWorker({ platform }) ? [{ name: 'worker', address: 'local' }] : hosts;
}

/** Do the environment's commands run on the worker? */
export function isOnWorker({ platform }: Pick<EnvironmentPlan, 'platform'>): boolean {
  return 'kubeconfig' in platform || (platform.kind === 'command' && platform.on === 'worker');
}
