/** Cobertura's XML, as coverage.py, gcovr, istanbul, coverlet and PHPUnit write it: line coverage of the whole. */
import { UnreadableReport, type ReportFacts } from './report.js';
import { readCount, readXml } from './xml.js';

export async function readCobertura(text: string): Promise<ReportFacts> {
  let root: Record<string, string> = {};
  let listed = 0;
  await readXml(text, ['coverage'], {
    open({ name, attributes, parents }) {
      if (parents.length === 0) root = attributes;
      else if (name === 'line') listed += 1;
    },
  });
  const facts = { about: 'coverage', ...readTotals(root) } as const;
  if (listed === 0) throw new UnreadableReport('lists no line: nothing was measured');
  return facts;
}

function readTotals(root: Record<string, string>): { percent: number; lines: number | null } {
  const valid = readCount(root['lines-valid']);
  const covered = readCount(root['lines-covered']);
  if (valid !== null && covered !== null) {
    if (valid === 0) throw new UnreadableReport('has lines-valid="0": nothing was measured');
    if (covered > valid) throw new UnreadableReport(`says that ${covered} of ${valid} lines are covered`);
    return { percent: (covered * 100) / valid, lines: valid };
  }
  // older writers leave the counts out
  const rate = root['line-rate'] ?? '';
  if (/^(0(\.\d+)?|1(\.0+)?)$/.test(rate)) return { percent: Number(rate) * 100, lines: valid };
  throw new UnreadableReport('says neither lines-valid and lines-covered nor line-rate: is it Cobertura?');
}
