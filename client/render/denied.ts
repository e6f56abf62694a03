/** `! not counted: approval by oleg: is in none of the groups that are asked for`: on every screen of what it was said to. */
import { DENIALS_SHOWN, describeDenial } from '../../workflows/denials.js';
import { newestOf } from '../../workflows/newest.js';
import type { Denial } from '../../workflows/result.js';
import type { Style } from './style.js';
import { plain } from './text.js';
import { formatMoment } from './time.js';

const DAY_MS = 24 * 3_600_000;

/** The newest, of a release or change that is looked at. */
export function deniedLines(style: Style, denials: Denial[] = []): string[] {
  return newestDenied(style, denials).map((line) => `  ${line}`);
}

export function newestDenied(style: Style, denials: Denial[]): string[] {
  return newestOf(
    denials,
    DENIALS_SHOWN,
    (denial) => deniedNote(style, denial),
    (left) => `${style.warning} not counted: ${String(left)} more, with --json`,
  );
}

/** Of what is there for ever: those of the last day. */
export function recently<Item extends { at?: string }>(said: readonly Item[], now: Date): Item[] {
  return said.filter(({ at }) => at === undefined || now.getTime() - Date.parse(at) < DAY_MS);
}

export function deniedNote(style: Style, denial: Denial): string {
  const at = denial.at === undefined ? '' : ` (${formatMoment(denial.at)})`;
  return `${style.yellow(style.warning)} not counted: ${plain(describeDenial(denial))}${at}`;
}
