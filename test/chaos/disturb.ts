/** Breaks one thing after the other at random moments and mends it again; pauses on demand so that all is whole. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

const VICTIMS = [
  [5, 'worker killed'],
  [2, 'worker stopped'],
  [1, 'both workers killed'],
  [3, 'Temporal killed'],
  [3, 'sshd killed'],
  [4, 'ssh connections cut'],
  [3, 'proxy killed'],
  [5, 'dockerd killed'],
  [2, 'swarm sshd killed'],
  [2, 'swarm ssh connections cut'],
  [2, 'swarm host rebooted'],
] as const;

type Disturbance = (typeof VICTIMS)[number][1];

export interface Disturber {
  counts: Record<Disturbance, number>;
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
  const counts: Record<string, number> = Object.fromEntries(VICTIMS.map(([, name]) => [name, 0]));
  let pauses = 0;
  let stopping = false;
  let mended: Promise<void> = Promise.resolve();

  const running = (async () => {
    while (!stopping) {
      await delay(random.betweenMs(500, 6000));
      const what = random.pick(VICTIMS);
      const forMs = random.betweenMs(0, 3000);
      const which = random.next() < 0.5 ? 0 : 1;
      if (pauses > 0 || stopping || !mayHappen(stage, what)) continue;
      say(`× ${what}`);
      counts[what] = (counts[what] ?? 0) + 1;
      mended = disturb(stage, what, which, forMs);
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
function mayHappen(stage: Stage, what: Disturbance): boolean {
  const isWorkers = what.includes('worker');
  return isWorkers
    ? stage.workers.every((worker) => worker.isReady())
    : stage.workers.some((worker) => worker.isReady());
}

async function disturb(stage: Stage, what: Disturbance, which: 0 | 1, forMs: number): Promise<void> {
  switch (what) {
    case 'worker killed':
      stage.workers[which]?.signal('SIGKILL');
      return;
    case 'worker stopped':
      stage.workers[which]?.signal('SIGTERM');
      return;
    case 'both workers killed':
      for (const worker of stage.workers) worker.signal('SIGKILL');
      return;
    case 'ssh connections cut':
      await stage.sshd.dropConnections();
      return;
    case 'Temporal killed':
      await stage.temporal.break();
      await delay(forMs);
      await stage.temporal.mend();
      return;
    case 'sshd killed':
      await stage.sshd.crash();
      await delay(forMs);
      await stage.sshd.start();
      return;
    case 'proxy killed':
      await stage.proxy.break();
      await delay(forMs);
      await stage.proxy.mend();
      return;
    case 'dockerd killed':
      await stage.swarm.killDockerd();
      await delay(forMs);
      await stage.swarm.startDockerd();
      return;
    case 'swarm sshd killed':
      await stage.swarm.killSshd();
      await delay(forMs);
      await stage.swarm.startSshd();
      return;
    case 'swarm ssh connections cut':
      await stage.swarm.dropConnections();
      return;
    case 'swarm host rebooted':
      await stage.swarm.reboot();
      return;
  }
}
