/** The proxies of the fake world: one in front of all hosts, or one on each. */
import { refused } from '../../activities/failure.js';
import type { Colour } from '../../pipeline/plan.js';
import type { Activities, OnHosts, SwitchResult, Target } from '../../workflows/activity-contract.js';
import { checkFence, hostsOf, placeOf, pointProxies, raiseFence, type Place } from './fake-hosts.js';
import type { FakeEnvironment } from './fake-world.js';
import { receiptFor } from './given.js';

type Call = <Result>(
  activity: keyof Activities,
  place: Place,
  effect: (environment: FakeEnvironment, half: boolean) => Result,
  detail?: Colour | null,
  host?: string | null,
) => Promise<Result>;

export function fakeTraffic(
  call: Call,
  targetOnHosts: (work: OnHosts) => Promise<Target>,
): Pick<Activities, 'retireColour' | 'switchTraffic'> {
  return {
    retireColour: ({ target, colour }) =>
      call(
        'retireColour',
        placeOf(target),
        (environment, half) => {
          for (const [host, fake] of hostsOf(environment, target, half)) {
            checkFence(fake, target, host);
            if (environment.proxies?.[host] !== colour) fake.slots[colour] = null;
          }
          return { outcome: 'undone' as const, note: `${colour} stopped` };
        },
        colour,
      ),

    switchTraffic: async (move) => {
      const target = await targetOnHosts({ ...move, prior: [] });
      const { to, requireHealthy, share } = move;
      return await call(
        'switchTraffic',
        placeOf(target),
        (environment): SwitchResult => {
          for (const [host, fake] of hostsOf(environment, target, false)) {
            raiseFence(fake, target, host);
            if (requireHealthy && fake.slots[to] === null)
              throw refused({ what: `${to} does not run`, where: host, why: null, wayOut: 'deploy it' });
          }
          pointProxies(environment, target, move);
          environment.shares = [...(environment.shares ?? []), share ?? 100];
          const receipt = requireHealthy ? { receipt: receiptFor('switch', target) } : {};
          return { confirmed: 20, tookMs: 7, note: `${to} answered 20 of 20`, ...receipt };
        },
        to,
        move.host,
      );
    },
  };
}
