/** What workers have vouched that a gate said: about exactly this, the last word, and who forced it. */
import { hashJson } from '../../pipeline/hash-plan.js';
import type { GatePlan } from '../../pipeline/plan.js';
import type { ApprovalClaim } from '../../workflows/activity-contract.js';
import type { EvidenceItem, ForcedGate } from '../../workflows/result.js';
import type { SealKeys } from './seal-keys.js';
import { isAbout, openSeal, type StatementOf, type Subject } from './statements.js';

/** Verdicts that a force can answer. */
export const NO: readonly string[] = ['fail', 'error'];
const YES = ['pass', 'waived'];

export type GateWord =
  | { kind: 'unheard' }
  | { kind: 'no'; verdict: string }
  | { kind: 'yes'; at: string }
  | { kind: 'forced'; at: string; forced: ForcedGate };

/**
 * What is shown must be what was sealed, or a forced gate could be shown as passed. Forced counts only beside the gate's
 * own no, so that both stay.
 */
export function lastWord(keys: SealKeys, of: Subject, gate: GatePlan, evidence: EvidenceItem[]): GateWord {
  const hash = hashJson(gate);
  const about = evidence
    .flatMap((item) => {
      const said = openSeal(keys, item.seal, 'gate');
      return said !== null && isShown(said, item) && said.gate === hash && isAbout(said, of) ? [said] : [];
    })
    .sort((a, b) => a.at.localeCompare(b.at));
  const last = about.at(-1);
  if (last === undefined) return { kind: 'unheard' };
  const { verdict, by, reason, ticket, at } = last;
  if (YES.includes(verdict)) return { kind: 'yes', at };
  const isForced = verdict === 'forced' && by !== undefined && reason !== undefined && ticket !== undefined;
  if (!isForced || !about.some((each) => NO.includes(each.verdict))) return { kind: 'no', verdict };
  return { kind: 'forced', at, forced: { gate: gate.name, by, reason, ticket } };
}

/** Those of the gates that only somebody's force lets it pass. */
export function forcedAmong(
  keys: SealKeys,
  of: Subject,
  gates: GatePlan[],
  evidence: EvidenceItem[],
): ForcedGate[] {
  return gates.flatMap((gate) => {
    const word = lastWord(keys, of, gate, evidence);
    return word.kind === 'forced' ? [word.forced] : [];
  });
}

function isShown(said: StatementOf<'gate'>, { verdict, by, note, ticket }: EvidenceItem): boolean {
  if (said.verdict !== verdict) return false;
  return verdict !== 'forced' || (said.by === by && said.reason === note && said.ticket === ticket);
}

/** Who forced a gate of it, as workers sealed it: they approve nothing. Held against the approvals again before anything is touched. */
export function forcersOf(
  keys: SealKeys,
  { artifacts, forced = [] }: Pick<ApprovalClaim, 'artifacts' | 'forced'>,
): string[] {
  const here = forced.flatMap(({ seal }) => openSeal(keys, seal, 'gate')?.by ?? []);
  return [...here, ...artifacts.flatMap((made) => made.forced ?? []).map(({ by }) => by)];
}
