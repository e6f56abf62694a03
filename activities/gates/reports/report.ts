/** What a report says, whichever program wrote it. */
import type { Severity } from './severity.js';

/** One thing a scanner found, or one licence a package has. */
export interface Finding {
  /** `CVE-2026-1`, `DL3008`, `GPL-3.0`. */
  id: string;
  severity: Severity;
  /** Name, version and the version that mends it, where the scanner knows. */
  package: { name: string; version: string | null; fixedIn: string | null } | null;
  purl: string | null;
  /** Where it was found: files, or what was scanned. */
  paths: string[];
  /** In the first of them. */
  line: number | null;
}

export interface LicensedPackage {
  name: string;
  version: string | null;
  /** As the program wrote it: a name, an SPDX expression, or several names with `;` between them. */
  licence: string;
}

export type ReportFacts =
  | { about: 'coverage'; percent: number; lines: number | null }
  | { about: 'tests'; passed: number; skipped: number; failed: string[] }
  | { about: 'findings'; findings: Finding[]; scanned: string }
  | { about: 'licences'; packages: LicensedPackage[] }
  | { about: 'thresholds'; held: number; crossed: string[] };

/**
 * Text of a report → what it says. Throws UnreadableReport for anything that is not a whole report of this format, and
 * for one in which nothing was looked at: an empty report must never count as a good one.
 */
export type ReportReader = (text: string) => ReportFacts | Promise<ReportFacts>;

/** Why a report cannot be believed, in words that go behind its name: `is empty`, `has no test in it`. */
export class UnreadableReport extends Error {
  override name = 'UnreadableReport';
}
