/** A list where only the newest is shown, newest last, and how many were before. Pure. */
export function newestOf<Item>(
  all: readonly Item[],
  shown: number,
  describe: (item: Item) => string,
  countEarlier: (left: number) => string,
): string[] {
  const left = all.length - shown;
  return [...(left > 0 ? [countEarlier(left)] : []), ...all.slice(-shown).map(describe)];
}
