/** One report of a gate, from the file the command wrote to what it means for the gate. */
import { decodeText } from '../../../pipeline/index.js';
import type { ReportFormat } from '../../../pipeline/report-formats.js';
import { judgeReport, type Judgement, type Measure } from './judge-report.js';
import { READERS } from './readers.js';
import { collectReport, type ExpectedReport } from './report-file.js';
import { UnreadableReport } from './report.js';

export interface ReadReport extends Judgement {
  format: ReportFormat;
  file: string;
  /** null = there were no bytes to hash. */
  sha256: string | null;
  /** false = there is no report that can be believed, and `says` has the reason. */
  isReadable: boolean;
}

/** A report that is missing, stale, broken or empty fails; never throws for what a command may have written. */
export async function readReport(
  format: ReportFormat,
  expected: ExpectedReport,
  measure: Measure,
): Promise<ReadReport> {
  const { file } = expected;
  let sha256: string | null = null;
  try {
    const collected = await collectReport(expected);
    ({ sha256 } = collected);
    const facts = await READERS[format](decode(collected.bytes));
    return { format, file, sha256, isReadable: true, ...judgeReport(facts, measure) };
  } catch (error) {
    if (!(error instanceof UnreadableReport)) throw error;
    const says = measure.show(error.message);
    return { format, file, sha256, isReadable: false, verdict: 'fail', says, listsFindings: false };
  }
}

function decode(bytes: Buffer): string {
  const text = decodeText(bytes);
  if (text === null) throw new UnreadableReport('is not UTF-8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
