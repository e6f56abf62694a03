/** The way out of what is parked, and of what was undone. Pure. */
import type { FailureReport } from './result.js';

const FORWARD = /\bslipway (release|redeploy|rollback|back|abort|switch)\b/;
const AGAIN = /\b(?:start the )?release (?:it )?again\b|(?<=\bthen )retry\b(?! \w)/g;

/** Of what is parked: `retry` alone leads on from there, whatever the error says of releasing again. */
export function untilRetried(report: FailureReport, environment: string): FailureReport {
  const retry = `slipway retry ${environment}`;
  if (report.wayOut.includes(retry)) return report;
  const mend = report.wayOut
    .split('; ')
    .filter((clause) => clause !== '' && !FORWARD.test(clause))
    .join('; ')
    .replaceAll(AGAIN, retry);
  if (mend.includes(retry)) return { ...report, wayOut: mend };
  return { ...report, wayOut: mend === '' ? retry : `${mend}; then ${retry}` };
}

/** Of what was undone: no step holds any more that a retry could mean; a host apart is still there. `again`: `release again`. */
export function onceUndone(report: FailureReport, environment: string, again: string): FailureReport {
  const retry = `slipway retry ${environment}`;
  const ofHost = `${retry} --host `;
  const wayOut = report.wayOut
    .split(ofHost)
    .map((part) => part.replaceAll(retry, again))
    .join(ofHost)
    .replaceAll(/(?<=\bthen )retry\b(?! \w)/g, again);
  return { ...report, wayOut };
}
