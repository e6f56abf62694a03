/** Whom a proxy serves, asked before something is claimed or stopped; where each host has one, of each. */
import type { Colour } from '../../pipeline/plan.js';
import type { ConfirmPlan } from '../../pipeline/plan-traffic.js';
import type { PriorState, Target } from '../../workflows/activity-contract.js';
import { atEachProxy, atProxy } from '../../workflows/target-hosts.js';
import { refused } from '../failure.js';
import type { Served } from '../traffic/who-is-served.js';
import { AT_A_TIME, inBatches } from './several-hosts.js';

export interface TrafficAsked {
  /** What the proxy really serves. */
  whoIsServed: (confirm: ConfirmPlan, signal: AbortSignal) => Promise<Served>;
  /** Colour the proxy's configuration names; null = none of ours. */
  configuredColour: (target: Target) => Promise<Colour | null>;
}

export type LedTo = Pick<PriorState, 'serving' | 'mute' | 'sick'>;

export interface TrafficQuestions {
  /** Users may be served already by what was there before Slipway: a first release must not land under them. */
  servedByOthers(target: Target, signal: AbortSignal): Promise<Colour | null>;
  /** What the proxy of this host leads to, where each has one: an undo leads it there again. */
  ledTo(target: Target, host: string, signal: AbortSignal): Promise<LedTo>;
  /** Does the target's one proxy send users to this colour? Throws Refused when nothing says so. */
  hasTraffic(target: Target, colour: Colour, signal: AbortSignal): Promise<boolean>;
}

export function createTrafficQuestions({ whoIsServed, configuredColour }: TrafficAsked): TrafficQuestions {
  async function servedByOthers(target: Target, signal: AbortSignal): Promise<Colour | null> {
    const { traffic } = target.plan;
    const isFirst = target.live === null && target.colour !== null;
    if (!isFirst || traffic === null) return null;
    const served = await inBatches(atEachProxy(target), AT_A_TIME, (each) => servedBy(each, signal));
    const colours = [...new Set(served.filter((colour) => colour !== null))];
    if (colours.length > 1) throw servesBoth(target, served);
    return colours[0] ?? null;
  }

  /** Of the target's one proxy. Only the worker may be unable to ask: then what it is told to serve counts. */
  async function servedBy(target: Target, signal: AbortSignal): Promise<Colour | null> {
    const { traffic } = target.plan;
    if (traffic === null) return null;
    const { colour, answered } = await whoIsServed(traffic.confirm, signal);
    return answered ? colour : await configuredColour(target);
  }

  async function ledTo(target: Target, host: string, signal: AbortSignal): Promise<LedTo> {
    const own = atProxy(target, host);
    if (own === target || own.plan.traffic === null) return {};
    const { colour, sick } = await whoIsServed(own.plan.traffic.confirm, signal);
    if (colour !== null) return { serving: colour, ...(sick === undefined ? {} : { sick }) };
    return { serving: await configuredColour(own), mute: true };
  }

  async function hasTraffic(target: Target, colour: Colour, signal: AbortSignal): Promise<boolean> {
    const { traffic } = target.plan;
    if (traffic === null) return false;
    const served = await whoIsServed(traffic.confirm, signal);
    const other = served.colour ?? (await configuredColour(target));
    if (other === null) throw nobodyKnows(target, colour);
    return other === colour;
  }

  return { servedByOthers, ledTo, hasTraffic };
}

function servesBoth({ plan }: Target, served: (Colour | null)[]): Error {
  const said = plan.hosts.map(({ name }, index) => `${name} ${served[index] ?? 'nothing'}`).join(', ');
  return refused({
    what: `the proxies of the hosts serve different colours: ${said}`,
    where: plan.name,
    why: null,
    wayOut: 'lead all of them to one colour, then release',
  });
}

function nobodyKnows({ plan }: Target, colour: Colour): Error {
  return refused({
    what: `neither the proxy's answers nor its configuration say which colour serves, so ${colour} is not stopped`,
    where: plan.name,
    why: null,
    wayOut: 'see that the proxy answers and names a colour; it is tried again by itself',
  });
}
