/** What somebody signed that does not count, for the screens and for whoever waits for the answer. Pure. */
import type { Denial } from './messages.js';
import type { EvidenceItem } from './result.js';

/** `item` is what a worker made of it, or why none could. */
export function denialOf({ by, note, wayOut }: EvidenceItem, decisionId: string): Denial {
  const denial = { by: by ?? 'unknown', why: note ?? '', decisionId };
  return wayOut === undefined ? denial : { ...denial, wayOut };
}
