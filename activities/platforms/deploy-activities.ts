/** The contract's activities that touch what runs: platform by platform, host by host, each under the fence. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Colour } from '../../pipeline/plan.js';
import type { HostPlan } from '../../pipeline/plan-platform.js';
import {
  targetOf,
  type Activities,
  type PreflightFinding,
  type PriorState,
  type Target,
  type UndoResult,
} from '../../workflows/activity-contract.js';
import { otherColour } from '../../workflows/colours.js';
import { atEachProxy, hasProxies, hostOf } from '../../workflows/target-hosts.js';
import type { LookAtDependencies } from '../checks/dependencies-before.js';
import { foreignHand, isRefusal, refused } from '../failure.js';
import { drain } from '../traffic/drain.js';
import { writeHostLog } from './host-log.js';
import { placeOf } from './host-question.js';
import { AT_A_TIME, inBatches, lookAtEach, valueOf } from './several-hosts.js';
import { openPlatform, placesOf, type PlatformDependencies, type PlatformManners } from './open-platform.js';
import { keeperOf, type Platform, type PlatformContext } from './platform.js';
import { createTrafficQuestions, type TrafficAsked } from './who-has-traffic.js';
import { sayOnce, stopWriters } from './stop-writers.js';
import { stoppable } from './stoppable.js';

export interface DeployDependencies extends PlatformDependencies, TrafficAsked {
  /** Does what the environment depends on answer? */
  lookAtDependencies: LookAtDependencies;
  /** Could traffic be moved, and moved back? Throws when not. */
  proveTraffic: (target: Target, signal: AbortSignal) => Promise<string>;
}

export type DeployActivities = Pick<
  Activities,
  | 'preflight'
  | 'claim'
  | 'proveWayBack'
  | 'deploy'
  | 'undoDeploy'
  | 'stopHost'
  | 'stopWriters'
  | 'retireColour'
  | 'takeOver'
>;

interface Place {
  platform: Platform;
  context: PlatformContext;
}

const OBSERVE_EVERY_MS = 500;
/** What crashes and is restarted for ever never looks the same twice: then convergence has the last word. */
const STILL_WITHIN_MS = 30_000;

export function createPlatformActivities(dependencies: DeployDependencies): DeployActivities {
  const open = (target: Target, place: HostPlan, manners: PlatformManners): Promise<Place> =>
    openPlatform(dependencies, target, place, manners);

  /** Every place, several at a time; the first failure in their order ends it once all have come to their end. */
  const eachPlace = <T>(
    target: Target,
    manners: PlatformManners,
    work: (place: Place) => Promise<T>,
  ): Promise<T[]> =>
    inBatches(placesOf(target), AT_A_TIME, async (place) => work(await open(target, place, manners)));

  const { servedByOthers, ledTo, hasTraffic } = createTrafficQuestions(dependencies);

  return {
    preflight: ({ target }) =>
      stoppable(async (manners) => {
        const look = async (place: HostPlan): Promise<PreflightFinding[]> => {
          const { platform, context } = await open(target, place, manners);
          return await platform.preflight(context);
        };
        const { looked, unreachable } = await lookAtEach(placesOf(target), look, manners);
        const findings = [...looked, ...(await dependencies.lookAtDependencies(target))];
        return unreachable.length === 0 ? { findings } : { findings, unreachable };
      }),

    claim: ({ target }) =>
      stoppable(async (manners) => {
        const serving = await servedByOthers(target, manners.signal);
        const colour = serving === null ? target.colour : otherColour(serving);
        const hosts = await eachPlace({ ...target, colour }, manners, async ({ platform, context }) => {
          const claimed = await keeperOf(platform, context).claim(context.fence);
          await platform.claim(context);
          return { host: context.host.name, ...claimed };
        });
        return { hosts, serving };
      }),

    proveWayBack: ({ target }) =>
      stoppable(async (manners) => {
        const notes: string[] = [];
        // both only look, so they look at the same time; what a platform finds is said first
        const proving = target.colour === null ? null : dependencies.proveTraffic(target, manners.signal);
        proving?.catch(() => {});
        const prior = await eachPlace(target, manners, async ({ platform, context }): Promise<PriorState> => {
          // looks only, so it need not wait; that a newer change holds the host is the first thing to hear
          const looking = platform.recordPrior(context);
          looking.catch(() => {});
          const { hostId } = await keeperOf(platform, context).claim(context.fence);
          const recorded = await looking;
          notes.push(await platform.proveWayBack(context, recorded));
          const { name: host } = context.host;
          return { host, hostId, platform: recorded, ...(await ledTo(target, host, manners.signal)) };
        });
        if (proving !== null) notes.push(await proving);
        const isFirst = prior.every(({ platform }) => platform === null);
        return { wayBack: isFirst ? 'first-deploy' : 'proven', note: notes.join('; '), prior };
      }),

    deploy: (work) =>
      stoppable(async (manners) => {
        const target = targetOf(work);
        const { prior } = work;
        const notes = await inBatches(placesOf(target), target.plan.rollout.batch, async (plan) => {
          const { platform, context } = await open(target, plan, { ...manners, way: 'forward' });
          await requireSameHost({ platform, context }, prior);
          const note = await platform.deploy(context);
          await writeHostLog(context, 'deployed');
          return note;
        });
        return { note: notes.join('; ') };
      }),

    undoDeploy: (work) =>
      stoppable(async (manners) => {
        const target = targetOf(work);
        const { prior } = work;
        // One host that cannot be put back must not keep the others from it.
        const settled = await Promise.allSettled(
          placesOf(target).map(async (plan): Promise<UndoResult> => {
            const recorded = prior.find(({ host }) => host === plan.name);
            if (recorded === undefined) return { outcome: 'never-ran', note: `${plan.name}: never reached` };
            const { platform, context } = await open(target, plan, { ...manners, way: 'back' });
            await requireSameHost({ platform, context }, prior);
            const result = await platform.undo(context, recorded.platform);
            return result.outcome === 'undone' ? await logUndone(context, result) : result;
          }),
        );
        return combine(settled.map(valueOf));
      }),

    stopHost: (work) =>
      stoppable(async (manners) => {
        const target = targetOf(work);
        return combine(
          await eachPlace(target, { ...manners, way: 'back' }, async (place) => {
            await requireSameHost(place, work.prior);
            const stopped = await place.platform.retire(place.context, target.colour);
            // its own proxy would go on to send users to the release before
            if (target.colour === null || !hasProxies(target.plan)) return stopped;
            return combine([stopped, await place.platform.retire(place.context, otherColour(target.colour))]);
          }),
        );
      }),

    stopWriters: ({ target, prior }) =>
      stoppable(async (manners) =>
        combine(
          sayOnce(
            await eachPlace(target, { ...manners, way: 'forward' }, async (place) => {
              await requireSameHost(place, prior);
              const result = await stopWriters(place.platform, place.context);
              return { ...result, host: place.context.host.name };
            }),
          ),
        ),
      ),

    retireColour: ({ target, colour }) =>
      stoppable(async (manners) => {
        const { signal } = manners;
        const proxies = atEachProxy(target);
        const serving = await inBatches(proxies, AT_A_TIME, (each) => hasTraffic(each, colour, signal));
        // a host that stood apart was left to it, and what it needs must not be taken away then
        const keepIt = proxies.filter((_, index) => serving[index]).map(hostOf);
        const contracts = target.live?.plan.database?.contract !== undefined;
        if (keepIt.length === proxies.length || (keepIt.length > 0 && contracts))
          throw stillServes(target, colour);
        manners.progress(`${colour} finishes what it has`);
        await drain(target.plan, signal);
        return combine(
          await eachPlace({ ...target, colour }, manners, async ({ platform, context }) => {
            const { name } = context.host;
            if (keepIt.includes(name))
              return { outcome: 'never-ran', note: `${name} still serves ${colour}` };
            await keeperOf(platform, context).claim(context.fence);
            return await platform.retire(context, colour);
          }),
        );
      }),

    takeOver: ({ target }) =>
      stoppable(async (manners) => {
        // All at once: a release that crashes for ever is never still, and hosts in turn would take too long together.
        const settled = await Promise.allSettled(
          placesOf(target).map(async (place): Promise<string[]> => {
            const { platform, context } = await open(target, place, manners);
            const { fence } = context;
            const keeper = keeperOf(platform, context);
            await keeper.claim(fence);
            const ended = await keeper.killStale(fence);
            await platform.claim(context);
            await untilStill(platform, context);
            return ended.map((operation) => `${context.host.name} ${operation}`);
          }),
        );
        const killed = settled.map(valueOf);
        const { traffic } = target.plan;
        // of several proxies each goes back to what it served, which the dead change has recorded
        const served =
          traffic === null || hasProxies(target.plan)
            ? null
            : await dependencies.whoIsServed(traffic.confirm, manners.signal);
        return { serving: served?.colour ?? null, killed: killed.flat() };
      }),
  };
}

/**
 * A host that was reinstalled in the middle has neither our release nor the way back. What an earlier step of this
 * change left running, its worker dead or the host out of reach, ends here: nothing may run beside what follows.
 */
async function requireSameHost({ platform, context }: Place, prior: PriorState[]): Promise<void> {
  const keeper = keeperOf(platform, context);
  const { hostId } = await keeper.claim(context.fence, context.operationId('*'));
  const recorded = prior.find(({ host }) => host === context.host.name);
  if (recorded === undefined || recorded.hostId === hostId) return;
  throw foreignHand({
    what: 'this is not the host it was when the change began: it was reinstalled or replaced',
    where: placeOf(context),
    why: `host id was ${recorded.hostId}, is ${hostId}`,
    wayOut: 'look at that host; release again when it is what it should be',
  });
}

/** Two equal looks in a row: what the dead holder had begun inside the engine has come to an end. */
async function untilStill(platform: Platform, context: PlatformContext): Promise<void> {
  const deadline = performance.now() + STILL_WITHIN_MS;
  let before = await platform.observe(context);
  while (performance.now() < deadline) {
    await pause(OBSERVE_EVERY_MS, undefined, { signal: context.signal });
    const now = await platform.observe(context);
    if (now === before) return;
    context.progress('waits until nothing moves any more');
    before = now;
  }
}

/** A log that cannot be written, on a full disk as a rule, is told: what was undone is undone all the same. */
async function logUndone(context: PlatformContext, result: UndoResult): Promise<UndoResult> {
  try {
    await writeHostLog(context, 'undone');
    return result;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { ...result, note: `${result.note}; ${error.message}` };
  }
}

function combine(results: UndoResult[]): UndoResult {
  const note = results.map((result) => result.note).join('; ');
  return { outcome: results.some(({ outcome }) => outcome === 'undone') ? 'undone' : 'never-ran', note };
}

function stillServes({ plan }: Target, colour: Colour): Error {
  return refused({
    what: `${colour} has the traffic, so it is not stopped`,
    where: plan.name,
    why: null,
    wayOut: `switch to the other colour first: slipway switch ${plan.name}`,
  });
}
