/** Reports a `run` gate can read, and what each of them is about. */
export const REPORT_FORMATS = {
  cobertura: 'coverage',
  lcov: 'coverage',
  junit: 'tests',
  sarif: 'findings',
  trivy: 'findings',
  'pip-licenses': 'licences',
  k6: 'thresholds',
} as const;

export type ReportFormat = keyof typeof REPORT_FORMATS;
export type ReportSubject = (typeof REPORT_FORMATS)[ReportFormat];

export function isReportFormat(name: string): name is ReportFormat {
  return Object.hasOwn(REPORT_FORMATS, name);
}
