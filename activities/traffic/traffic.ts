/** What a reverse proxy must be able to do; observing is shared (observe-colour.ts), so no driver is believed. */
import type { Colour } from '../../pipeline/plan.js';
import type { TrafficPlan } from '../../pipeline/plan-traffic.js';
import type { Fence, Host } from '../hosts/host.js';

export interface TrafficContext<Plan extends TrafficPlan = TrafficPlan> {
  /** Where the proxy runs, or the worker for commands with `on: worker`. */
  host: Host;
  plan: Plan;
  fence: Fence;
  /** Environment variables for the team's own commands, secrets resolved. */
  env: Record<string, string>;
  /** Fills in `{colour}` and the other run-time names; BadInput when one has no value. */
  render: (text: string, colour: Colour | null) => string;
}

export interface Traffic<Plan extends TrafficPlan = TrafficPlan> {
  /** Read only: both colours can be rendered and the proxy accepts the configuration. Throws Refused when not. */
  prove(context: TrafficContext<Plan>): Promise<string>;
  /** Read only: what a switch starts from. */
  look(context: TrafficContext<Plan>): Promise<Look>;
}

/** The persisted configuration as it was found, and the switch away from exactly that. */
export interface Look {
  /** The colour it names; null = none of ours, or both. */
  colour: Colour | null;
  /**
   * Persists, then applies; what has changed since the look is looked at again. Already there is success. `from` set:
   * anything else there is ForeignHand. `percent` of the users, whole; less than 100 only where `canSplit` says so.
   */
  switchTo(to: Colour, from: Colour | null, percent?: number): Promise<void>;
}
