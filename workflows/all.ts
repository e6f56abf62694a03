/** Works that go on beside each other. */

/** All have come to their end before the first error counts: nothing goes on beside what follows. */
export async function all<T>(works: Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(works);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
