/** How a fault strikes one call of a fake activity; and faults of one workflow only, kept under its id. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { foreignHand, refused, staleFence } from '../../activities/failure.js';
import type { Colour } from '../../pipeline/plan.js';
import type { Activities } from '../../workflows/activity-contract.js';
import type { Fault, World } from './fake-world.js';

export interface Struck {
  world: World;
  activity: string;
  /** Key of the environment, or id of the workflow that calls. */
  place: string;
}

/** Lets `act` do its work as the fault says; null = unharmed. `half`: only a part of it, then the worker dies. */
export async function carryOut<Result>(
  fault: Fault | null,
  { world, activity, place }: Struck,
  act: (half?: boolean) => Result | Promise<Result>,
): Promise<Result> {
  const where = `${place} ${activity}`;
  switch (fault?.kind) {
    case undefined:
    case 'say-no':
    case 'inconclusive':
    case 'problem':
    case 'warn':
      return await act();
    case 'refuse':
      throw refused({
        what: `${activity} was refused`,
        where: place,
        why: 'log line',
        wayOut: 'mend it',
      });
    case 'refuse-after':
      await act();
      throw refused({ what: `${activity} was refused`, where: place, why: null, wayOut: 'mend it' });
    case 'lose-reply':
      await act();
      throw new Error(`${where}: connection lost after it was done`);
    case 'twice':
      await act();
      return await act();
    case 'unreachable':
      throw new Error(`${where}: connection refused`);
    case 'stale':
      throw staleFence({
        what: 'a higher token was seen',
        where: place,
        why: null,
        wayOut: 'nothing to do',
      });
    case 'foreign':
      throw foreignHand({ what: 'somebody else changed it', where: place, why: null, wayOut: 'look' });
    case 'hang-before':
      await standStill(world, where);
      return await act();
    case 'hang-deaf': {
      await standStill(world, where, { deaf: true });
      const result = await act();
      world.update((state) => state.finished.push(where));
      return result;
    }
    case 'hang-during':
      await act(true);
      await standStill(world, where);
      return await act();
    case 'hang-after': {
      const result = await act();
      await standStill(world, where);
      return result;
    }
  }
}

/** The fault among `faults` that strikes this call, used up by it. */
export function strike(
  faults: Fault[],
  activity: string,
  to: Colour | null,
  host: string | null = null,
): Fault | null {
  for (const fault of faults) {
    if (fault.activity !== activity || fault.times === 0 || (fault.to !== null && fault.to !== to)) continue;
    if (fault.host !== null && fault.host !== host) continue;
    if (fault.after > 0) {
      fault.after -= 1;
      continue;
    }
    if (fault.times > 0) fault.times -= 1;
    return { ...fault };
  }
  return null;
}

/** The same activities, struck by the faults kept under the id of the workflow that calls as well. */
export function strikeByCaller(world: World, activities: Activities): Activities {
  return new Proxy(activities, {
    get: (all, name) => {
      const activity: unknown = Reflect.get(all, name);
      if (typeof activity !== 'function' || typeof name !== 'string') return activity;
      return async (...args: unknown[]): Promise<unknown> => {
        const place = Context.current().info.workflowExecution?.workflowId ?? '';
        const isStruck = world.glance().faults.some((fault) => fault.environment === place);
        const fault = isStruck
          ? world.update((state) =>
              strike(
                state.faults.filter((each) => each.environment === place),
                name,
                null,
              ),
            )
          : null;
        return await carryOut(fault, { world, activity: name, place }, (): unknown =>
          Reflect.apply(activity, all, args),
        );
      };
    },
  });
}

/** Heartbeats until the test lets it go on; a cancelled call ends as real ones do, unless it is deaf to it. */
async function standStill(world: World, where: string, { deaf = false } = {}): Promise<void> {
  world.update((state) => state.arrived.push(where));
  const context = Context.current();
  while (!world.glance().released.includes(where)) {
    context.heartbeat();
    if (!deaf && context.cancellationSignal.aborted) throw new CancelledFailure(`${where} was cancelled`);
    await sleep(20);
  }
}
