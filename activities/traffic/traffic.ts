/** What a reverse proxy must be able to do; observing is shared (observe-colour.ts), so no driver is believed. */
import type { Colour, TrafficPlan } from '../../pipeline/plan.js';
import type { Fence, Host } from '../hosts/host.js';

export interface TrafficContext<Plan extends TrafficPlan = TrafficPlan> {
  host: Host;
  plan: Plan;
  fence: Fence;
  env: Record<string, string>;
}

export interface Traffic {
  /** Read only: both colours can be rendered and the proxy accepts the configuration. Throws Refused when not. */
  prove(context: TrafficContext): Promise<string>;
  /** The colour the persisted configuration names; null = none of ours. */
  configured(context: TrafficContext): Promise<Colour | null>;
  /** Persists, then applies. Already there is success. `from` set: anything else there is ForeignHand. */
  switchTo(context: TrafficContext, to: Colour, from: Colour | null): Promise<void>;
}
