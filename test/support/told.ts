/** How a refusal must read: what is wrong, where, and the way out. */
import { expect } from 'vitest';

export interface Told {
  what: RegExp;
  where: RegExp;
  wayOut: RegExp;
}

/** For `toMatchObject`. */
export function like({ what, where, wayOut }: Told): Record<keyof Told, unknown> {
  return {
    what: expect.stringMatching(what),
    where: expect.stringMatching(where),
    wayOut: expect.stringMatching(wayOut),
  };
}
