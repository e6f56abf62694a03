import type { FailureReport } from '../../workflows/result.js';
import type { Style } from './style.js';
import { labelled, plain, plainLines } from './text.js';

/** What, where, why (the output of the command that failed, whole) and the way out. */
export function failureLines(style: Style, failure: FailureReport, width: number): string[] {
  const why = failure.why === null ? [] : plainLines(failure.why).trimEnd().split('\n');
  return [
    ...labelled('what', [style.red(plain(failure.what))], width),
    ...labelled('where', [plain(failure.where)], width),
    ...labelled('why', why, width),
    ...labelled('way out', [plain(failure.wayOut)], width),
  ];
}
