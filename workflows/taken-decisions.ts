/** Words of people that were taken, as screens and results carry them along: as few and as short as those that did not count. Pure. */
import type { DecisionName, NamedDecision } from './decisions.js';
import { DENIALS_KEPT } from './denials.js';
import type { ChangeRequest } from './messages.js';
import { newestOf } from './newest.js';
import { shortReason, shortText } from './plain-text.js';
import type { ChangeResult, Denial, EvidenceItem, Said, TakenDecision } from './result.js';

export const DECISIONS_SHOWN = 5;

/** How it is known whose it is, and whose the reason. */
export type Proven = Pick<TakenDecision, 'proof' | 'isReasonSigned'>;

/** What people type for it, where that is another word. */
const TYPED: Partial<Record<DecisionName, string>> = {
  switchTraffic: 'switch',
  retryStep: 'retry',
  skipHost: 'skip-host',
};

/** Newest last. */
export function withTaken(taken: readonly TakenDecision[], next: TakenDecision): TakenDecision[] {
  return [...taken, shorten(next)].slice(-DENIALS_KEPT);
}

/** `at` is ISO time. */
export function takenOf(
  { name, by, reason, decisionId, host }: NamedDecision,
  at: string,
  proven: Proven = { proof: 'unverified' },
): TakenDecision {
  const typed = TYPED[name] ?? name;
  const decision = name === 'skipHost' && host !== null ? `${typed} ${host}` : typed;
  return { decision, by, ...proven, reason, at, decisionId };
}

/** A rollback or a redeploy is somebody's word itself. `at` is ISO time. */
export function askedBy(
  { kind, requestId: decisionId, actor, reason, restore, decisions = [] }: ChangeRequest,
  at: string,
): TakenDecision[] {
  if (kind !== 'rollback' && kind !== 'redeploy') return [];
  const [signed] = decisions.filter((item) => item.proof === 'ssh');
  const decision = restore === undefined ? kind : `${kind} with the database from ${restore.name}`;
  return withTaken([], { decision, by: actor.by, ...provenBy(signed), reason, at, decisionId });
}

/** What a worker made of what was signed. */
export function provenBy(item: EvidenceItem | undefined): Proven {
  if (item?.proof !== 'ssh') return { proof: 'unverified' };
  return item.reason === undefined ? { proof: 'ssh' } : { proof: 'ssh', isReasonSigned: true };
}

/** `switch by irina@example.com (signed): looked at it`. */
export function describeTaken(word: TakenDecision): string {
  const { decision, by, reason } = word;
  return `${decision} by ${by} (${describeProven(word)})${reason === null ? '' : `: ${reason}`}`;
}

type Reasoned = Pick<TakenDecision, 'proof' | 'reason'> & { isReasonSigned?: boolean };

/** How it is known whose word it is: `signed`, `signed, but not its reason`, `identity: unverified`. */
export function describeProven(word: Reasoned): string {
  if (word.proof !== 'ssh') return 'identity: unverified';
  return hasUnsignedReason(word) ? 'signed, but not its reason' : 'signed';
}

/** Signed while reasons were not: whoever passed it on may have exchanged it. */
export function hasUnsignedReason({ proof, reason, isReasonSigned }: Reasoned): boolean {
  return proof === 'ssh' && reason !== null && isReasonSigned !== true;
}

/** Lines of a report, the newest last. */
export function describeAllTaken(taken: readonly TakenDecision[] = []): string[] {
  return newestOf(taken, DECISIONS_SHOWN, describeTaken, countEarlier);
}

/** `15 earlier decisions`. */
export function countEarlier(left: number): string {
  return `${left} earlier ${left === 1 ? 'decision' : 'decisions'}`;
}

/** Of a change that has ended. */
export function saidIn(decisions: TakenDecision[], denials: Denial[]): Pick<ChangeResult, 'said'> {
  return decisions.length + denials.length === 0 ? {} : { said: { decisions, denials } };
}

/** What is worth keeping of many results: as much as screens show. */
export function shownOf({ decisions }: Said): Said {
  return { decisions: decisions.slice(-DECISIONS_SHOWN), denials: [] };
}

function shorten({ decision, by, reason, decisionId, ...rest }: TakenDecision): TakenDecision {
  return {
    ...rest,
    decision: shortText(decision),
    by: shortText(by),
    reason: shortReason(reason),
    decisionId: shortText(decisionId, 'long'),
  };
}
