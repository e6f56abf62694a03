/** "Did you mean …?": the nearest known word, spelling styles aside. */
import { distance } from 'fastest-levenshtein';

/** `startPeriod`, `start_period` and `Start-Period` are one word. */
function normalise(word: string): string {
  return word
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/[_\s]+/g, '-')
    .toLowerCase();
}

/** The known word that was probably meant; null when none is near enough to be more than a guess. */
export function suggestWord(given: string, known: readonly string[]): string | null {
  // a long word is no typing mistake, and distance is quadratic
  if (given.length > 60) return null;
  const wanted = normalise(given);
  // `prod` for production
  const longer = wanted.length < 3 ? undefined : known.find((word) => normalise(word).startsWith(wanted));
  if (longer !== undefined) return longer;
  const ranked = known
    .map((word) => ({
      word,
      steps: distance(wanted, normalise(word)),
      lengths: Math.abs(word.length - given.length),
    }))
    .sort((a, b) => a.steps - b.steps || a.lengths - b.lengths);
  const [best] = ranked;
  if (best === undefined) return null;
  // two letters swapped are two steps
  const shorter = Math.min(wanted.length, best.word.length);
  const near = shorter <= 3 ? 1 : Math.max(2, Math.floor(shorter / 3));
  return best.steps <= near ? best.word : null;
}
