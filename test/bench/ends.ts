/** What a benchmark started, ended in the opposite order whatever happened. */
export type Ends = (() => Promise<void>)[];

export async function withEnds<T>(work: (ends: Ends) => Promise<T>): Promise<T> {
  const ends: Ends = [];
  try {
    return await work(ends);
  } finally {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
  }
}
