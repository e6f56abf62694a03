/** Do the options of a gate fit the report it reads? */
import { finding, type Finding } from './explain-issue.js';
import type { PipelineFile } from './pipeline-file.js';
import { REPORT_FORMATS, isReportFormat, type ReportSubject } from './report-formats.js';

interface OptionRule {
  fits: readonly ReportSubject[];
  wayOut: string;
}

/** Options and the reports they say something about. */
const OPTIONS = {
  'at-least': {
    fits: ['coverage'],
    wayOut: 'asks for coverage; add report: {cobertura: coverage.xml} or {lcov: lcov.info}',
  },
  'fail-on': {
    fits: ['findings'],
    wayOut: 'asks for the severity of findings; add report: {trivy: trivy.json} or {sarif: FILE}',
  },
  exceptions: {
    fits: ['findings', 'licences'],
    wayOut: 'waives findings; add report: {trivy: trivy.json}, {sarif: FILE} or {pip-licenses: FILE}',
  },
  forbid: { fits: ['licences'], wayOut: 'names licences; add report: {pip-licenses: licences.json}' },
} as const satisfies Record<string, OptionRule>;

export function checkGates(content: PipelineFile): Finding[] {
  const findings: Finding[] = [];
  for (const [name, gate] of content.gates ?? []) {
    if (gate.kind !== 'run') continue;
    const formats = Object.keys(gate.report ?? {}).filter(isReportFormat);
    const subjects = formats.map((format) => REPORT_FORMATS[format]);
    const at = ['gates', name];
    if (gate.report !== undefined && formats.length === 0) {
      const known = Object.keys(REPORT_FORMATS).join(', ');
      findings.push(finding([...at, 'report'], `names no report; known: ${known}. Or leave report out`));
    }
    for (const option of ['at-least', 'fail-on', 'exceptions', 'forbid'] as const) {
      const { fits, wayOut }: OptionRule = OPTIONS[option];
      if (gate[option] === undefined || subjects.some((subject) => fits.includes(subject))) continue;
      const instead = formats.length === 0 ? 'there is no report here' : `${formats.join(' and ')} has none`;
      findings.push(finding([...at, option], `${wayOut}, or take ${option} out: ${instead}`));
    }
    if (subjects.includes('licences') && gate.forbid === undefined) {
      const message = 'forbid is missing: which licences fail this gate, such as [GPL-3.0, AGPL-3.0]';
      findings.push(finding([...at, 'report', 'pip-licenses'], message));
    }
  }
  return findings;
}
