/** So many at once; the others wait in line. */
export interface Slots {
  /** Runs `work` when it is its turn; it is not run, and this rejects, when that is not before `endMs`. */
  run<Result>(endMs: number, work: () => Promise<Result>): Promise<Result>;
}

/** Its turn did not come in time; nothing was done. */
export class TurnMissed extends Error {}

export function createSlots(atOnce: number): Slots {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return {
    async run(endMs, work) {
      if (free > 0) free -= 1;
      else
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      try {
        if (Date.now() >= endMs) throw new TurnMissed('too many before it');
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
