/** Breaks one thing after the other at random moments and mends it again; pauses on demand so that all is whole. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SupervisedWorker } from '../support/supervised-worker.js';
import { killed } from './blows.js';
import type { Blow } from './ground.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

export interface Disturber {
  /** By the names of the blows. */
  counts: Record<string, number>;
  /** Resolves when everything is mended; nothing breaks until everybody who paused has called what they were given. */
  pause(): Promise<() => void>;
  stop(): Promise<void>;
}

/** A failed mend ends the run through `onBroken`: nothing that follows could be believed. */
export function startDisturbing(
  stage: Stage,
  random: Random,
  say: (text: string) => void,
  onBroken: (error: unknown) => void,
): Disturber {
  const blows = [...workerBlows(stage.workers), killed(3, 'Temporal killed', stage.temporal), ...stage.blows];
  const choices = blows.map((blow) => [blow.weight, blow] as const);
  const counts: Record<string, number> = Object.fromEntries(blows.map(({ name }) => [name, 0]));
  let pauses = 0;
  let stopping = false;
  let mended: Promise<void> = Promise.resolve();

  const running = (async () => {
    while (!stopping) {
      await delay(random.betweenMs(500, 6000));
      const { name, strike } = random.pick(choices);
      const forMs = random.betweenMs(0, 3000);
      const chance = random.next();
      if (pauses > 0 || stopping || !mayHappen(stage, name)) continue;
      say(`× ${name}`);
      counts[name] = (counts[name] ?? 0) + 1;
      mended = strike(forMs, chance);
      await mended;
    }
  })();
  running.catch(onBroken);

  return {
    counts,
    pause: async () => {
      pauses += 1;
      await mended;
      await Promise.all(stage.workers.map((worker) => worker.ready()));
      return () => {
        pauses -= 1;
      };
    },
    stop: async () => {
      stopping = true;
      // what went wrong in it was told through onBroken
      await running.catch(() => undefined);
    },
  };
}

/** Whoever is still getting up is not knocked down again, or a slow machine would never get anywhere. */
function mayHappen(stage: Stage, what: string): boolean {
  const isWorkers = what.includes('worker');
  return isWorkers
    ? stage.workers.every((worker) => worker.isReady())
    : stage.workers.some((worker) => worker.isReady());
}

function workerBlows(workers: SupervisedWorker[]): Blow[] {
  const signalOne = (weight: number, name: string, signal: 'SIGKILL' | 'SIGTERM'): Blow => ({
    ...{ weight, name },
    strike: async (_, chance) => workers[Math.floor(chance * workers.length)]?.signal(signal),
  });
  return [
    signalOne(5, 'worker killed', 'SIGKILL'),
    signalOne(2, 'worker stopped', 'SIGTERM'),
    {
      ...{ weight: 1, name: 'both workers killed' },
      strike: async () => workers.forEach((worker) => worker.signal('SIGKILL')),
    },
  ];
}
