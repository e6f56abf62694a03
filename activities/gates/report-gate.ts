/** The reports of a command gate: which verdict they and the exit code give together. */
import { createHash } from 'node:crypto';
import { isReportFormat, REPORT_FORMATS, type ReportFormat } from '../../pipeline/report-formats.js';
import { withObjects } from '../source/git-objects.js';
import { readBytesAtCommit } from '../source/files-at-commit.js';
import type { Checkout } from '../source/checkout.js';
import type { Mirror } from '../source/source.js';
import { NOTE_CHARACTERS, type CommandGate, type GateAnswer } from './gate-answer.js';
import { NO_EXCEPTIONS, readExceptions } from './reports/exceptions.js';
import { readReport, type ReadReport } from './reports/read-report.js';
import { expectReport, type ExpectedReport } from './reports/report-file.js';
import { UnreadableReport } from './reports/report.js';
import { UnreadableExceptions, type Exceptions } from './reports/waiver.js';

const SHOWN_CHARACTERS = 200;

/** What must be known before the command runs. */
export interface ReportsToCome {
  expected: { format: ReportFormat; report: ExpectedReport }[];
  exceptions: Exceptions;
}

/**
 * Clears the way for the reports and reads the exceptions of the commit (not of the checkout, which the command may
 * change). Gives the gate's answer instead when it cannot be asked.
 */
export async function expectReports(
  gate: CommandGate,
  place: { checkout: Checkout; mirror: Mirror; commit: string },
): Promise<ReportsToCome | GateAnswer> {
  const expected: ReportsToCome['expected'] = [];
  for (const [format, file] of Object.entries(gate.report)) {
    if (!isReportFormat(format)) {
      const known = Object.keys(REPORT_FORMATS).join(', ');
      return {
        verdict: 'error',
        note: `this version of Slipway cannot read ${format} reports; it reads ${known}`,
      };
    }
    try {
      expected.push({ format, report: await expectReport(place.checkout, file) });
    } catch (error) {
      if (!(error instanceof UnreadableReport)) throw error;
      return { verdict: 'fail', note: `${file} ${error.message}` };
    }
  }
  const { exceptions: file } = gate.options;
  if (file === undefined) return { expected, exceptions: NO_EXCEPTIONS };
  const { mirror, commit } = place;
  const bytes = await withObjects(mirror, (objects) => readBytesAtCommit(objects, commit, file));
  if (bytes === null) {
    const note = `${file} is not in the repository at ${commit.slice(0, 12)}; commit it, or take exceptions out of gates.${gate.name}`;
    return { verdict: 'error', note };
  }
  try {
    return { expected, exceptions: readExceptions(bytes) };
  } catch (error) {
    if (!(error instanceof UnreadableExceptions)) throw error;
    return { verdict: 'error', note: `${file} ${error.message} (docs/gates.md#exceptions)` };
  }
}

/** `ended`: how the command ended by itself, and the scrubbed end of what it printed. */
export async function judgeReports(
  gate: CommandGate,
  { expected, exceptions }: ReportsToCome,
  ended: { exitCode: number; printed: string },
  scrub: (text: string) => string,
): Promise<GateAnswer> {
  const show = (text: string): string =>
    scrub(text.slice(0, 10 * SHOWN_CHARACTERS))
      .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
      .slice(0, SHOWN_CHARACTERS);
  const measure = { options: gate.options, exceptions, now: new Date(), show };
  const reports: ReadReport[] = [];
  for (const { format, report } of expected) reports.push(await readReport(format, report, measure));
  const verdict = decide(reports, ended.exitCode);
  const isUnclear = verdict === 'fail' && (ended.exitCode !== 0 || reports.some((each) => !each.isReadable));
  const lines = [
    ...(ended.exitCode === 0 ? [] : [`exit ${ended.exitCode}`]),
    ...reports.map(({ file, isReadable, says }) => `${file}${isReadable ? ':' : ''} ${says}`),
    ...(isUnclear && ended.printed !== '' ? [`it said last:\n${ended.printed}`] : []),
  ];
  const hashes = reports
    .flatMap(({ file, sha256 }) => (sha256 === null ? [] : `\n${file} sha256:${sha256}`))
    .join('');
  const note = lines.join('\n').slice(0, Math.max(0, NOTE_CHARACTERS - hashes.length)) + hashes;
  const reportSha = hashOf(reports);
  return { verdict, note, ...(reportSha === null ? {} : { reportSha }) };
}

function decide(reports: ReadReport[], exitCode: number): 'pass' | 'fail' | 'waived' {
  if (reports.some(({ verdict }) => verdict === 'fail')) return 'fail';
  if (exitCode !== 0 && !isExplained(reports, exitCode)) return 'fail';
  return reports.some(({ verdict }) => verdict === 'waived') ? 'waived' : 'pass';
}

/**
 * `trivy --exit-code 1` and most linters end with an error because of what they list, also when it is waived or below
 * fail-on. So the exit code says nothing new when all reports are lists of that kind and one of them has an entry. A
 * failed test run, or a scanner that was killed, is never explained away.
 */
function isExplained(reports: ReadReport[], exitCode: number): boolean {
  const areLists = reports.every(({ format }) => ['findings', 'licences'].includes(REPORT_FORMATS[format]));
  return exitCode < 126 && areLists && reports.some(({ listsFindings }) => listsFindings);
}

/** Of one report its sha256; of several the sha256 over their lines `<format> <sha256>\n`, in the file's order. */
function hashOf(reports: ReadReport[]): string | null {
  const read = reports.filter(({ sha256 }) => sha256 !== null);
  if (read.length < 2) return read[0]?.sha256 ?? null;
  const hash = createHash('sha256');
  for (const { format, sha256 } of read) hash.update(`${format} ${sha256 ?? ''}\n`);
  return hash.digest('hex');
}
