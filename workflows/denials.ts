/**
 * Words that did not count: who said what, and why not. Few are kept and each is short: whoever can write to the
 * namespace can say thousands. Pure.
 */
import type { DecisionName } from './decisions.js';
import type { Denial } from './messages.js';
import { oneLine } from './plain-text.js';
import type { EvidenceItem } from './result.js';

export const DENIALS_KEPT = 20;
export const DENIALS_SHOWN = 3;

const LONGEST = { by: 100, why: 400 };

/** What people call what somebody signs; the other decisions nobody signs. */
const WORDS: Partial<Record<DecisionName, string>> = {
  approve: 'approval',
  switchTraffic: 'switch',
  freeze: 'freeze',
  unfreeze: 'unfreeze',
};

/** null = it is none that anybody signs. */
export function nameOfWord(name: DecisionName): string | null {
  return WORDS[name] ?? null;
}

/** Why a word does not count, and what helps where that is known. */
export type Reason = Pick<Denial, 'why' | 'wayOut'>;

/** What a worker says of a word that does not count. */
export function reasonOf({ note, wayOut }: EvidenceItem): Reason {
  return { why: note ?? '', ...(wayOut === undefined ? {} : { wayOut }) };
}

/** Newest last. */
export function withDenial(
  denials: readonly Denial[] | undefined,
  denial: Denial & Required<Pick<Denial, 'decision' | 'at'>>,
): Denial[] {
  return [...(denials ?? []), { ...denial, ...shorten(denial) }].slice(-DENIALS_KEPT);
}

/** `freeze by oleg@example.com: is not in group leads`. */
export function describeDenial({ decision, by, why }: Denial): string {
  const who = decision === undefined ? by : `${decision} by ${by}`;
  return `${who}: ${why.startsWith(`${by} `) ? why.slice(by.length + 1) : why}`;
}

/** Lines of a report, the newest last. */
export function describeDenials(denials: readonly Denial[] = []): string[] {
  const left = denials.length - DENIALS_SHOWN;
  const more = left > 0 ? [`not counted: ${left} more`] : [];
  const newest = denials.slice(-DENIALS_SHOWN);
  return [...more, ...newest.map((denial) => `not counted: ${describeDenial(denial)}`)];
}

/** As far as screens and evidence carry it along. */
export function shorten({ by, why }: Pick<Denial, 'by' | 'why'>): Pick<Denial, 'by' | 'why'> {
  return { by: cut(by, LONGEST.by), why: cut(why, LONGEST.why) };
}

function cut(text: string, longest: number): string {
  const line = oneLine(text);
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
