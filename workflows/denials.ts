/**
 * Words that did not count: who said what, and why not. Few are kept and each is short: whoever can write to the
 * namespace can say thousands. Pure.
 */
import type { DecisionName } from './decisions.js';
import { newestOf } from './newest.js';
import { shortText } from './plain-text.js';
import type { Denial, EvidenceItem } from './result.js';

export const DENIALS_KEPT = 20;
export const DENIALS_SHOWN = 3;

/** What people call what somebody signs, and a no: what else is refused changes nothing that somebody counts on. */
const WORDS: Partial<Record<DecisionName, string>> = {
  approve: 'approval',
  reject: 'rejection',
  switchTraffic: 'switch',
  freeze: 'freeze',
  unfreeze: 'unfreeze',
};

/** null = nobody is told that it was refused. */
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
  const decisionId = shortText(denial.decisionId, 'long');
  return [...(denials ?? []), { ...denial, ...shorten(denial), decisionId }].slice(-DENIALS_KEPT);
}

/** `freeze by oleg@example.com: is not in group leads`. */
export function describeDenial({ decision, by, why }: Denial): string {
  const who = decision === undefined ? by : `${decision} by ${by}`;
  return `${who}: ${why.startsWith(`${by} `) ? why.slice(by.length + 1) : why}`;
}

/** What was said in several places, newest last; when is not known in runs of older workers. */
export function inOrder(...said: (readonly Denial[] | undefined)[]): Denial[] {
  const timeOf = ({ at }: Denial): number => (at === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(at));
  return said.flatMap((each) => each ?? []).toSorted((one, other) => timeOf(one) - timeOf(other));
}

/** Lines of a report, the newest last. */
export function describeDenials(denials: readonly Denial[] = []): string[] {
  return newestOf(
    denials,
    DENIALS_SHOWN,
    (denial) => `not counted: ${describeDenial(denial)}`,
    (left) => `not counted: ${left} more`,
  );
}

/** As far as screens and evidence carry it along. */
export function shorten({ by, why }: Pick<Denial, 'by' | 'why'>): Pick<Denial, 'by' | 'why'> {
  return { by: shortText(by), why: shortText(why, 'long') };
}
