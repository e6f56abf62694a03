/** `⚠ FORCED vulnerabilities by irina: no fix is out yet (OPS-412)`: on every screen of a release that has one. */
import { describeForced, forcedGates } from '../../workflows/forced.js';
import type { ForcedGate, ReleaseRecord } from '../../workflows/result.js';
import type { Style } from './style.js';
import { plain } from './text.js';

export function forcedLines(style: Style, forced: ForcedGate[] = []): string[] {
  return forced.map((each) => `  ${forcedNote(style, each)}`);
}

/** Of a release that is live. */
export function forcedNotes(style: Style, record: ReleaseRecord): string[] {
  return forcedGates(record).map((each) => forcedNote(style, each));
}

function forcedNote(style: Style, forced: ForcedGate): string {
  return style.yellow(`${style.forced} FORCED ${plain(describeForced(forced))}`);
}
