/**
 * Does a path match a pattern of an exception? `*` and `?` stay within a folder, `**` goes through any number of them;
 * all else is meant literally. Made of loops and not of a regular expression, which a pattern could keep busy for ever.
 */
export function matchesPath(pattern: string, path: string): boolean {
  return matchesSequence(
    pattern.split('/'),
    path.split('/'),
    (part) => part === '**',
    (part, folder) =>
      matchesSequence(Array.from(part), Array.from(folder), (char) => char === '*', isSameCharacter),
  );
}

function isSameCharacter(pattern: string, character: string): boolean {
  return pattern === '?' || pattern === character;
}

/** The usual wildcard walk: only the last wildcard ever has to take one more. */
function matchesSequence(
  pattern: readonly string[],
  items: readonly string[],
  isWildcard: (part: string) => boolean,
  isMatch: (part: string, item: string) => boolean,
): boolean {
  let [at, next] = [0, 0];
  let retry: { at: number; next: number } | null = null;
  while (next < items.length) {
    const part = pattern[at];
    const item = items[next] ?? '';
    if (part !== undefined && isWildcard(part)) {
      retry = { at: at + 1, next };
      at += 1;
    } else if (part !== undefined && isMatch(part, item)) {
      at += 1;
      next += 1;
    } else if (retry !== null) {
      retry.next += 1;
      ({ at, next } = retry);
    } else return false;
  }
  return pattern.slice(at).every(isWildcard);
}
