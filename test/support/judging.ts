/** Reports as a gate judges them, on a day that tests know. */
import { NO_EXCEPTIONS, readExceptions } from '../../activities/gates/reports/exceptions.js';
import { judgeReport, type Judgement } from '../../activities/gates/reports/judge-report.js';
import type { Finding, ReportFacts } from '../../activities/gates/reports/report.js';
import type { Exceptions } from '../../activities/gates/reports/waiver.js';
import type { ReportOptions } from '../../pipeline/plan.js';

const NOW = new Date('2026-06-01T12:00:00Z');

export const exceptionsOf = (text: string): Exceptions => readExceptions(Buffer.from(text));

export function judge(
  facts: ReportFacts,
  options: ReportOptions = {},
  exceptions = NO_EXCEPTIONS,
): Judgement {
  return judgeReport(facts, { options, exceptions, now: NOW, show: (text) => text });
}

export function found(id: string, severity: Finding['severity'], more: Partial<Finding> = {}): Finding {
  return { id, severity, package: null, purl: null, paths: [], line: null, ...more };
}

export const findings = (...list: Finding[]): ReportFacts => ({
  about: 'findings',
  findings: list,
  scanned: 'shop',
});

export const SSL = found('CVE-1', 'high', {
  package: { name: 'libssl3', version: '3.3.1', fixedIn: '3.3.2' },
  purl: 'pkg:apk/alpine/libssl3@3.3.1?arch=x86_64',
  paths: ['shop (alpine 3.20)', 'lib/ssl/libssl.so.3'],
});
