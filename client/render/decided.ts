/** `✓ abort by oleg (identity: unverified): wrong tag`: on every screen of what people said it to. */
import type { Approval } from '../../workflows/missing-approvals.js';
import { newestOf } from '../../workflows/newest.js';
import type { TakenDecision } from '../../workflows/result.js';
import { countEarlier, DECISIONS_SHOWN, describeTaken } from '../../workflows/taken-decisions.js';
import type { Style } from './style.js';
import { plain } from './text.js';
import { formatMoment } from './time.js';

/** The newest, of what is looked at. */
export function decidedNotes(style: Style, decisions: TakenDecision[] = []): string[] {
  return newestOf(
    decisions,
    DECISIONS_SHOWN,
    (each) => decidedNote(style, each),
    (left) => `${style.ok} ${countEarlier(left)}, with --json`,
  );
}

export function decidedNote(style: Style, decision: TakenDecision): string {
  return `${style.ok} ${plain(describeTaken(decision))} (${formatMoment(decision.at)})`;
}

/** `✓ oleg (backend) 14 Nov 10:41 UTC: OPS-412`. */
export function approvalNote(style: Style, { by, group, at, reason }: Approval): string {
  const speaksFor = group === null ? '' : ` (${plain(group)})`;
  const why = reason === undefined ? '' : `: ${plain(reason)}`;
  return `${style.ok} ${plain(by)}${speaksFor} ${formatMoment(at)}${why}`;
}
