/** What a world of several real parts has to take away again, also when not all of it could be set up. */
export interface Kept {
  later(cleanUp: () => Promise<unknown>): void;
  keep<Thing extends { stop(): Promise<unknown> }>(thing: Thing): Thing;
  /** The last first. */
  takeAway(): Promise<void>;
}

export async function assemble<World>(build: (kept: Kept) => Promise<World>): Promise<World> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  const kept: Kept = {
    later: (cleanUp) => void cleanUps.push(cleanUp),
    keep: (thing) => {
      cleanUps.push(() => thing.stop());
      return thing;
    },
    takeAway: async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    },
  };
  try {
    return await build(kept);
  } catch (error) {
    for (const cleanUp of cleanUps.reverse()) await cleanUp().catch(() => null);
    throw error;
  }
}

/** Starts them side by side; when one does not start, the others are kept all the same, to be taken away. */
export async function startAll<Name extends string, Thing>(
  names: readonly Name[],
  start: (name: Name) => Promise<Thing>,
): Promise<Record<Name, Thing>> {
  const started = await Promise.allSettled(names.map(async (name) => [name, await start(name)] as const));
  const entries = started.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of each name
  return Object.fromEntries(entries) as Record<Name, Thing>;
}
