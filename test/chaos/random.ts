/** Random numbers that a seed repeats. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  /** Between the two, in milliseconds. */
  betweenMs(fromMs: number, toMs: number): number;
  pick<T>(choices: readonly (readonly [weight: number, choice: T])[]): T;
  /** Another sequence of the same seed: who draws more often does not disturb the others. */
  branch(name: string): Random;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    betweenMs: (fromMs, toMs) => Math.round(fromMs + next() * (toMs - fromMs)),
    pick: (choices) => {
      const sum = choices.reduce((total, [weight]) => total + weight, 0);
      let left = next() * sum;
      for (const [weight, choice] of choices) {
        left -= weight;
        if (left < 0) return choice;
      }
      throw new Error('nothing to pick from');
    },
    branch: (name) =>
      createRandom(Buffer.from(name).reduce((hash, byte) => Math.imul(hash, 31) + byte, seed)),
  };
}
