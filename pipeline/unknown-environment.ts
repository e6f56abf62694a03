/** What is said wherever somebody names an environment that is not there. */
import { suggestWord } from './suggest.js';

const LONGEST_NAME = 60;
const MOST_NAMED = 20;

/** `known` in the order of the file. */
export function explainUnknownEnvironment(
  given: string,
  known: readonly string[],
): { what: string; wayOut: string } {
  const near = suggestWord(given, known);
  const more = known.length - MOST_NAMED;
  const named = `${known.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return {
    what: `there is no environment ${given.slice(0, LONGEST_NAME)}`,
    wayOut: `${near === null ? '' : `did you mean ${near}? `}known: ${named}`,
  };
}
